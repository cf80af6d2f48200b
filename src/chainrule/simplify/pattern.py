"""Rules as data: an equation between two pieces of NumPy, compiled to a matcher.

A rule is a function of pattern variables that returns its two sides::

    Rule("a negative is subtracted", lambda x, y: (x + (-y), x - y))

Both sides are traced, so the same function can be applied, printed, and tested on numbers. It
says nothing of shapes: a pattern is matched *through* broadcasts, because repeating a value
changes no algebra. What stands inside a broadcast is bound as the broadcast of it.

A pattern with commutative operations matches in every order of their operands.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from typing import Any, TypeAlias

import numpy as np

from ..ir.graph import toposort
from ..ir.node import CONSTANT, Node, constant, input_node, node
from ..ir.primitive import Primitive
from ..ir.types import ArrayType
from ..ops import arithmetic as ar
from ..ops.elementwise import Elementwise
from ..ops.structural import broadcast, cast, transpose
from ..trace.recording import symbolic

#: One attempt at a node: what it becomes, or ``None``.
Step: TypeAlias = Callable[[Node], Node | None]

#: An argument's place, the operations one of which it needs there, if any, and the attempt.
Matcher: TypeAlias = tuple[int, tuple[Primitive, ...], Step]

_COMMUTATIVE: frozenset[Primitive] = frozenset(
    {ar.add, ar.multiply, ar.maximum, ar.minimum, ar.logical_and, ar.logical_or, ar.equal}
)


class Rule:
    """``left`` becomes ``right``, for all values of the variables that satisfy ``when``.

    ``when`` takes the nodes that the variables are bound to. ``kinds`` are the kinds of dtype, as
    NumPy abbreviates them, for which the equation holds. ``samples`` says which numbers the laws
    try for a variable: ``"any"``, or ``"positive"``, ``"unit"`` (between 0 and 1), ``"literal"``
    (a number that stands in the program).
    """

    of_arrays = False

    def __init__(
        self,
        name: str,
        statement: Callable[..., tuple[Any, Any]],
        *,
        when: Callable[..., bool] | None = None,
        kinds: str = "f",
        samples: str | dict[str, str] = "any",
    ) -> None:
        self.name = name
        self.statement = statement
        self.when = when
        self.kinds = kinds
        self.samples = samples

    @cached_property
    def variables(self) -> dict[str, Node]:
        """What stands for each variable in the two sides."""
        names = inspect.signature(self.statement).parameters
        t = ArrayType((), np.dtype(float))
        return {name: input_node(0, ("pattern", name), t) for name in names}

    @cached_property
    def _sides(self) -> tuple[Node, Node]:
        # Traced when first needed, so that importing the package does not pay for it.
        sides = self.statement(*[symbolic(v) for v in self.variables.values()])
        left, right = (getattr(s, "node", None) or constant(float(s)) for s in sides)
        return left, right

    @property
    def left(self) -> Node:
        """What is looked for."""
        return self._sides[0]

    @property
    def right(self) -> Node:
        """What it becomes."""
        return self._sides[1]

    def __repr__(self) -> str:
        return f"<rule {self.name}>"

    def sample(self, name: str) -> str:
        """From which numbers the laws draw variable ``name``."""
        return self.samples if isinstance(self.samples, str) else self.samples.get(name, "any")

    @property
    def roots(self) -> tuple[Primitive, ...]:
        """The operations at which the rule can apply."""
        return (self.left.op,)

    def matchers(self) -> Iterator[Matcher]:
        """Compiled matchers."""
        for tree in dict.fromkeys(_orders(self.left)):
            needed = [(k, (head,)) for k, t in enumerate(tree[1]) if (head := _head(t)) is not None]
            yield *(needed[0] if needed else (0, ())), _compile(self, tree)


@dataclass(frozen=True)
class Algorithm:
    """The rarer form of a rule, for what no equation of variables can say.

    ``function`` takes a node whose operation is among ``roots`` and returns what it becomes, or
    ``None``.
    """

    function: Step
    roots: tuple[Primitive, ...]
    #: Which operations an argument must have, through broadcasts, by its place.
    heads: Mapping[int, tuple[Primitive, ...]]
    #: Whether it has nothing to say of scalars.
    of_arrays: bool

    @property
    def name(self) -> str:
        """The name of the function, in words."""
        return self.function.__name__.replace("_", " ")

    @property
    def doc(self) -> str:
        """The docstring of the function."""
        return (self.function.__doc__ or "").strip()

    def matchers(self) -> Iterator[Matcher]:
        """The function itself, and where it applies."""
        if not self.heads:
            yield 0, (), self.function
        for place, heads in self.heads.items():
            yield place, heads, self.function


def algorithm(
    *roots: Primitive,
    heads: Mapping[int, tuple[Primitive, ...]] | None = None,
    of_arrays: bool = False,
) -> Callable[[Step], Algorithm]:
    """Make a function of a node a rule for nodes of the operations ``roots``."""
    return lambda function: Algorithm(function, roots, heads or {}, of_arrays)


# -- patterns as trees -----------------------------------------------------------------------------

#: ``(op, children)``, a variable's name, or a number.
Tree: TypeAlias = Any


def _orders(n: Node) -> list[Tree]:
    """The pattern below ``n`` as trees, one for every order of commutative operands."""
    if n.op is CONSTANT:
        return [n.params[0].array.item()]
    if not n.args:
        return [n.params[1][1]]
    if n.op is broadcast or n.op is cast:
        return _orders(n.args[0])
    if n.params:
        raise TypeError(f"a pattern cannot hold {n.op.name}, which has parameters")
    children = [tuple(c) for c in product(*[_orders(a) for a in n.args])]
    if n.op in _COMMUTATIVE:
        children += [c[::-1] for c in children]
    return [(n.op, c) for c in dict.fromkeys(children)]


def _head(tree: Tree) -> Primitive | None:
    if isinstance(tree, tuple):
        return tree[0]  # type: ignore[no-any-return]
    return None if isinstance(tree, str) else CONSTANT


def _compile(rule: Rule, tree: Tree) -> Step:
    """A function of a node: straight-line code that tests the shape of the pattern, then binds."""
    tests: list[str] = []
    binds: list[str] = []
    names: dict[str, Any] = {
        "broadcast": broadcast, "CONSTANT": CONSTANT, "lifted": lifted, "is_number": is_number,
        "build": _builder(rule), "when": rule.when,
    }  # fmt: skip
    bound: dict[str, str] = {}
    count = 0

    def visit(tree: Tree, here: str, path: str) -> None:
        nonlocal count
        for k, child in enumerate(tree[1]):
            count += 1
            me = f"n{count}"
            if isinstance(child, str):
                value = f"{here}.args[{k}]" if path == "()" else f"lifted({here}.args[{k}], {path})"
                if child in bound:
                    binds.append(f"if {value} is not {bound[child]}: return None")
                else:
                    bound[child] = f"v_{child}"
                    binds.append(f"v_{child} = {value}")
                continue
            tests.append(f"{me} = {here}.args[{k}]")
            if isinstance(child, tuple):
                tests.append(f"p{count} = {path}")
                tests.append(f"while {me}.op is broadcast:")
                tests.append(f"    p{count} = (*p{count}, {me}); {me} = {me}.args[0]")
                names[f"op{count}"] = child[0]
                tests.append(f"if {me}.op is not op{count}: return None")
                visit(child, me, f"p{count}")
            else:
                tests.append(f"while {me}.op is broadcast: {me} = {me}.args[0]")
                tests.append(f"if {me}.op is not CONSTANT: return None")
                tests.append(f"if not is_number({me}, {child!r}): return None")

    visit(tree, "n", "()")
    arguments = ", ".join(bound[name] for name in rule.variables)
    lines = [f"if n.type.dtype.kind not in {rule.kinds!r}: return None", *tests, *binds]
    if rule.when is not None:
        lines.append(f"if not when({arguments}): return None")
    lines.append(f"return build(n, ({arguments}{',' if arguments else ''}))")
    source = "def match(n):\n" + "".join(f"    {line}\n" for line in lines)
    exec(compile(source, f"<rule {rule.name}>", "exec"), names)  # noqa: S102 (our own rules)
    match: Step = names["match"]
    return match


def _builder(rule: Rule) -> Callable[[Node, tuple[Node, ...]], Node | None]:
    """The right side as a function of the matched node and what the variables are bound to."""
    order = toposort([rule.right])
    variables = list(rule.variables.values())

    def build(n: Node, bound: tuple[Node, ...]) -> Node | None:
        made: dict[Node, Node] = dict(zip(variables, bound, strict=True))
        for part in order:
            if part.op is CONSTANT:
                made[part] = constant(part.params[0].array.item())
            elif part not in made:
                made[part] = _applied(part.op, [made[a] for a in part.args])
        return conformed(made[rule.right], n.type)

    return build


def _applied(op: Primitive, args: list[Node]) -> Node:
    """The operation on ``args``; of scalars that are repeated, done before they are."""
    cores = [peeled(a) for a in args]
    wide = max(args, key=lambda a: a.type.ndim)
    if wide.op is broadcast and not any(c.type.shape for c in cores):
        return spread(op.build(tuple(cores)), wide.type.shape, ())
    return op.build(tuple(args))


# -- what matchers need ----------------------------------------------------------------------------


def lifted(n: Node, path: Sequence[Node]) -> Node:
    """``n``, found inside the broadcasts ``path`` (outermost first), as it is outside them."""
    for outer in reversed(path):
        n = spread(n, *outer.params)
    return n


def spread(n: Node, shape: tuple[int, ...], axes: tuple[int, ...]) -> Node:
    """``n`` repeated to ``shape``, in the one form that this has: axes in order, one broadcast."""
    if n.op is broadcast:
        inner = n.params[1]
        (n,), axes = n.args, tuple([axes[a] for a in inner])
    if any(a > b for a, b in pairwise(axes)):
        order = sorted(range(len(axes)), key=lambda k: axes[k])
        n = node(transpose, (n,), (tuple([k - len(axes) for k in order]),))
        axes = tuple([axes[k] for k in order])
    return n if n.type.shape == shape else node(broadcast, (n,), (shape, axes))


def peeled(n: Node) -> Node:
    """``n`` without the broadcasts around it."""
    while n.op is broadcast:
        (n,) = n.args
    return n


def is_number(n: Node, value: complex) -> bool:
    """Whether the constant ``n`` is the scalar ``value``; ``0.0`` is not ``-0.0``."""
    array = n.params[0].array
    if array.shape:
        return False
    found = array.item()
    return bool(found == value) and (value != 0 or not np.signbit(np.real(found)))


def conformed(n: Node, t: ArrayType) -> Node | None:
    """``n`` as a value of type ``t``: spread if it is smaller. ``None`` where the dtypes differ."""
    if n.op is CONSTANT and n.type.dtype != t.dtype:
        n = constant(n.params[0].array.astype(t.dtype)[()], weak=t.weak)
    if n.type.dtype != t.dtype or n.type.weak != (t.weak and not t.shape):
        if n.op is not CONSTANT:
            return None
        n = constant(n.params[0].array, weak=t.weak and not t.shape)
    if n.type.shape == t.shape:
        return n
    return spread(n, t.shape, tuple(range(-n.type.ndim, 0)))


def literal(n: Node) -> complex | None:
    """The number that ``n`` is in the text of the program, spread or not, or ``None``."""
    n = peeled(n)
    if n.op is not CONSTANT or n.type.shape:
        return None
    value: complex = n.params[0].array.item()
    return value


def is_elementwise(n: Node) -> bool:
    """Whether the operation works element by element, with no parameters."""
    return isinstance(n.op, Elementwise)


AnyRule: TypeAlias = Rule | Algorithm


def by_root(rules: Iterable[AnyRule]) -> dict[Primitive, list[AnyRule]]:
    """Rules under each operation at which they can apply, in order."""
    table: dict[Primitive, list[AnyRule]] = {}
    for rule in rules:
        for op in rule.roots:
            table.setdefault(op, []).append(rule)
    return table
