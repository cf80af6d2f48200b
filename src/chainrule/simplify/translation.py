"""From a traced program to its normal form, operation by operation."""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.graph import toposort
from ..ir.node import INPUT, ITEM, Node
from ..ir.types import TupleType
from ..ops.elementwise import Elementwise
from ..ops.monomial import LOGDET
from . import matrices, operators, products, selections, spelled
from .factors import FACTORS, factor, values
from .matrices import square_function
from .state import Rule, State

#: Operation name -> how its normal form is made. What is not here stays an atom.
RULES: dict[str, Rule] = operators.extended({
    **products.RULES, **selections.RULES, **matrices.RULES, **spelled.RULES,
    "svdvals": values, "eigvalsh": values,
})  # fmt: skip


class Translation(State):
    """The normal forms of the nodes of one program."""

    def __call__(self, roots: Sequence[Node]) -> list[Node]:
        """The normal forms of ``roots``, and of all that they are made of."""
        for n in toposort(roots):
            if n not in self.normal and type(n.type) is not TupleType:
                self.normal[n] = self._translate(n)
                if n in self.named and n.type.ndim == 2:
                    self.algebra.kept.add(self.algebra.split(self.normal[n])[1])
        return [self.normal[n] for n in roots]

    def _translate(self, n: Node) -> Node:
        rule = RULES.get(n.op.name)
        if n.op is ITEM:
            whole = n.args[0]
            args = [self.normal[a] for a in whole.args]
            if whole.op.name == "slogdet" and n.params[0] == 1:
                return square_function(self, LOGDET, args[0], n)
            if whole.op.name in FACTORS and whole.args[0].type.ndim == 2:
                return factor(self, n, args[0])
            return self.algebra.atom(n, self.axes.of(n))
        args = [self.normal[a] for a in n.args]
        if rule is not None:
            found = rule(self, n, args)
            if found is not None:
                return found
        if isinstance(n.op, Elementwise):
            return self.algebra.apply(n.op, args, n.params)
        if n.op is INPUT or not n.args:
            return self.algebra.atom(n, self.axes.of(n))
        return self.algebra.opaque(n.op, args, n.params, self.axes.of(n))
