"""One case with directions to move in and weights to pull back, ready for both walks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from chainrule.calculus.pullback import pullback
from chainrule.calculus.pushforward import pushforward
from chainrule.ir.graph import Graph
from chainrule.ir.node import Node, input_node
from chainrule.ops.program import Program
from tests.laws.arguments import Case, direction, run
from tests.laws.truth import slopes


class Linear:
    """One case with a tangent for each argument and a cotangent for each result, as nodes."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.inputs = case.inputs()
        self.outputs = case.outputs(self.inputs)
        self.varying = case.varying
        self.sources = [self.inputs[i] for i in self.varying]
        self.tangents = [
            input_node(1, ("t", i), self.inputs[i].type.strong()) for i in self.varying
        ]
        self.seconds = [input_node(1, ("s", i), self.inputs[i].type.strong()) for i in self.varying]
        self.weighted = [k for k, o in enumerate(self.outputs) if o.type.dtype.kind in "fc"]
        self.cotangents = [
            input_node(1, ("c", k), o.type.strong()) if k in self.weighted else None
            for k, o in enumerate(self.outputs)
        ]
        every = [
            *self.inputs,
            *self.tangents,
            *self.seconds,
            *(c for c in self.cotangents if c is not None),
        ]
        self.every = every
        self.arrays = [
            *case.arrays,
            *(direction(case.arrays[i], 11 + i) for i in self.varying),
            *(direction(case.arrays[i], 31 + i) for i in self.varying),
            *(
                direction(np.zeros(o.type.shape, o.type.dtype), 51 + k)
                for k, o in enumerate(self.outputs)
                if k in self.weighted
            ),
        ]

    def given(self, n: Node) -> Any:
        """The array that an input stands for."""
        return self.arrays[self.every.index(n)]

    def values(
        self, nodes: Sequence[Node | None], moved: dict[Node, Any] | None = None
    ) -> list[Any]:
        """The values of nodes, ``None`` for structural zeros, with some inputs replaced."""
        live = [n for n in nodes if n is not None]
        arrays = self.arrays
        if moved:
            arrays = [moved.get(n, a) for n, a in zip(self.every, arrays, strict=True)]
        results = iter(run(live, self.every, arrays))
        return [None if n is None else next(results) for n in nodes]

    def along(
        self, nodes: Sequence[Node], tangents: Sequence[Node]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Numerical derivatives of ``nodes`` as the arguments move along ``tangents``."""
        program = Program(Graph(tuple(self.every), tuple(nodes)))
        starts = [
            (self.every.index(x), self.given(x), self.given(t))
            for x, t in zip(self.sources, tangents, strict=True)
        ]

        def curve(s: float) -> list[Any]:
            arrays = list(self.arrays)
            for k, x, t in starts:
                arrays[k] = x + s * t
            return program(arrays)

        return slopes(curve, 1e-2)


def push(linear: Linear) -> list[Node | None]:
    return pushforward(linear.outputs, linear.sources, linear.tangents)


def pull(linear: Linear) -> list[Node | None]:
    return pullback(linear.outputs, linear.sources, linear.cotangents)


def is_single(n: Node) -> bool:
    """Whether a node is in single precision, real or complex."""
    return bool(n.type.dtype.kind in "fc" and np.finfo(n.type.dtype).eps > 1e-10)
