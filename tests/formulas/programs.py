"""Random scalar programs over matrices, vectors and a number, as NumPy source."""

from collections.abc import Sequence
from random import Random
from typing import Any, ClassVar

import numpy as np

Shape = tuple[str, ...]

rng = np.random.default_rng(0)
DATA: dict[str, Any] = {
    "X": rng.normal(size=(7, 4)),
    "Y": rng.normal(size=(7, 3)),
    "A": rng.normal(size=(4, 4)),
    "B": rng.normal(size=(4, 3)),
    "w": rng.normal(size=4),
    "v": rng.normal(size=7),
    "u": rng.normal(size=3),
    "s": 0.7,
}
LEAVES: dict[Shape, tuple[str, ...]] = {
    ("N", "d"): ("X",),
    ("N", "k"): ("Y",),
    ("d", "d"): ("A", "(B @ B.T)"),
    ("d", "k"): ("B",),
    ("d",): ("w", "np.diag(A)"),
    ("N",): ("v",),
    ("k",): ("u",),
    (): ("s", "2.0", "0.5"),
}
FUNCTIONS = (
    "np.tanh({})", "np.exp(-{} ** 2)", "np.sin({})", "({}) ** 2", "(1 / (1 + np.exp(-{})))",
    "np.maximum({}, 0)", "np.log(1 + ({}) ** 2)", "np.abs({})", "np.sqrt(1 + ({}) ** 2)", "(-({}))",
    "(3 * ({}))", "np.logaddexp(0, {})",
)  # fmt: skip
SIZES = ("N", "d", "k")


#: What the arguments of programs of :class:`Wide` are, by sizes.
SHAPES: dict[str, Shape] = {
    "X": ("N", "d"), "Y": ("N", "k"), "A": ("d", "d"), "B": ("d", "k"), "P": ("d", "d"),
    "w": ("d",), "v": ("N",), "u": ("k",), "s": (),
}  # fmt: skip


class Program:
    """Draws one program; the same for the same seed."""

    functions: ClassVar[tuple[str, ...]] = FUNCTIONS
    leaves: ClassVar[dict[Shape, tuple[str, ...]]] = LEAVES

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - the same programs every time
        self.source = self.draw((), self.random.choice([2, 3, 4]))
        self.names = self.named(list(DATA))
        self.wrt = self.random.choice(self.names) if self.names else None
        self.second = self.wrt is not None and np.ndim(DATA[self.wrt]) < 2 and not seed % 4

    def named(self, known: list[str]) -> list[str]:
        """The names that the source has."""
        words = "".join(c if c.isalnum() or c == "_" else " " for c in self.source).split()
        return [name for name in known if name in words]

    def draw(self, shape: Shape, depth: int) -> str:
        if depth <= 0:
            return self.leaf(shape)
        chance = self.random.random()
        if chance < 0.2:
            return self.random.choice(self.functions).format(self.draw(shape, depth - 1))
        if chance < 0.4:
            sign = self.random.choice("+-*")
            return f"({self.draw(shape, depth - 1)} {sign} {self.draw(shape, depth - 1)})"
        if chance < 0.45:
            return f"({self.draw(shape, depth - 1)} * {self.draw((), depth - 1)})"
        return (self.number, self.vector, self.matrix)[len(shape)](shape, depth - 1)

    def leaf(self, shape: Shape) -> str:
        if shape in self.leaves:
            return self.random.choice(self.leaves[shape])
        if shape[::-1] in self.leaves:
            return self.random.choice(self.leaves[shape[::-1]]) + ".T"
        return f"np.outer({self.leaf(shape[:1])}, {self.leaf(shape[1:])})"

    def form(self, forms: Sequence[tuple[str, list[Shape]]], depth: int) -> str:
        """One of the forms, filled in."""
        form, shapes = self.random.choice(forms)
        return form.format(*(self.draw(one, depth) for one in shapes))

    def number(self, shape: Shape, depth: int) -> str:
        m, n = self.random.choice(SIZES), self.random.choice(SIZES)
        return self.form(self.numbers(m, n), depth)

    def vector(self, shape: Shape, depth: int) -> str:
        return self.form(self.vectors(shape[0], self.random.choice(SIZES)), depth)

    def matrix(self, shape: Shape, depth: int) -> str:
        return self.form(self.matrices(shape[0], shape[1], self.random.choice(SIZES)), depth)

    def numbers(self, m: str, n: str) -> list[tuple[str, list[Shape]]]:
        """Forms of a number."""
        return [
            ("np.sum({})", [(m,)]),
            ("np.mean({})", [(m, n)]),
            ("({} @ {})", [(m,), (m,)]),
            ("np.trace({})", [(m, m)]),
            ("np.linalg.norm({})", [(m, n)]),
            ("np.log(np.sum(np.exp({})))", [(m,)]),
            ("np.sum({} ** 2)", [(m, n)]),
        ]

    def vectors(self, n: str, m: str) -> list[tuple[str, list[Shape]]]:
        """Forms of a vector."""
        return [
            ("({} @ {})", [(n, m), (m,)]),
            ("np.sum({}, axis=1)", [(n, m)]),
            ("np.mean({}, axis=0)", [(m, n)]),
            ("({} + {})", [(n,), ()]),
        ]

    def matrices(self, n: str, k: str, m: str) -> list[tuple[str, list[Shape]]]:
        """Forms of a matrix."""
        return [
            ("({} @ {})", [(n, m), (m, k)]),
            ("({}).T", [(k, n)]),
            ("({} + {})", [(n, k), (k,)]),
            ("({} * ({})[:, None])", [(n, k), (n,)]),
            ("np.outer({}, {})", [(n,), (k,)]),
        ]


class Wide(Program):
    """Programs with more operations, of several shapes, for which any sizes will do."""

    functions = (
        *FUNCTIONS, "np.cos({})", "1 / (1 + ({}) ** 2)", "np.where({0} > 0, {0}, 2 * ({0}))",
        "np.log1p(np.exp({}))", "np.square({})", "np.clip({}, -0.5, 0.7)", "np.minimum({}, 0.3)",
        "np.exp({})", "({}) ** 3", "np.sign({})", "np.sqrt(np.exp({}))", "np.arctan({})",
    )  # fmt: skip
    leaves: ClassVar[dict[Shape, tuple[str, ...]]] = {
        **LEAVES, ("d", "d"): ("A", "P", "(B @ B.T)", "np.linalg.inv(P)", "np.diag(w)"),
    }  # fmt: skip

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - the same programs every time
        kind = self.random.choice(("grad", "grad", "grad", "hessian", "jacobian", "pullback", "hvp"))
        m, n = self.random.choice(SIZES), self.random.choice(SIZES)
        shape: Shape = ()
        if kind in ("jacobian", "pullback"):
            shape = self.random.choice(((m,), (m,), (m, n)) if kind == "pullback" else ((m,), ()))
        self.shape = shape
        self.source = self.draw(shape, self.random.choice([2, 2, 3, 3, 4]))
        self.names = self.named(list(SHAPES))
        few = [name for name in self.names if len(SHAPES[name]) < 2]
        by = few if kind == "hessian" and few else self.names
        self.wrt = self.random.choice(by) if by else None
        self.kind = kind

    def numbers(self, m: str, n: str) -> list[tuple[str, list[Shape]]]:
        return [
            *super().numbers(m, n),
            ("np.max({})", [(m,)]),
            ("np.sum(np.abs({}))", [(m, n)]),
            ("({} @ np.linalg.solve(P, {}))", [("d",), ("d",)]),
            ("np.linalg.slogdet(P + {0} @ ({0}).T)[1]", [("d", m)]),
            ("np.linalg.norm({})", [(m,)]),
            ("({})[0]", [(m,)]),
            ("({})[1, 0]", [(m, n)]),
            ("np.var({})", [(m,)]),
            ("np.sum({} * {})", [(m, n), (m, n)]),
            ("({} / (1 + {} ** 2))", [(), ()]),
            ("np.vdot({}, {})", [(m, n), (m, n)]),
            ("np.einsum('ij,i,j->', {}, {}, {})", [(m, n), (m,), (n,)]),
        ]

    def vectors(self, n: str, m: str) -> list[tuple[str, list[Shape]]]:
        square = [("np.linalg.solve(P, {})", [("d",)])] if n == "d" else []
        return [
            *super().vectors(n, m),
            *square,
            ("np.diag({})", [(n, n)]),
            ("({})[:, 0]", [(n, m)]),
            ("({})[1]", [(m, n)]),
            ("np.linalg.norm({}, axis=1)", [(n, m)]),
            ("np.log(np.sum(np.exp({}), axis=1))", [(n, m)]),
            ("(np.exp({0}) / np.sum(np.exp({0})))", [(n,)]),
            ("({0} - np.mean({0}))", [(n,)]),
            ("({0} / np.linalg.norm({0}))", [(n,)]),
            ("np.max({}, axis=1)", [(n, m)]),
            ("({} * {})", [(n,), ()]),
            ("({} @ {})", [(m,), (m, n)]),
        ]

    def matrices(self, n: str, k: str, m: str) -> list[tuple[str, list[Shape]]]:
        square = [("np.diag({})", [(n,)]), ("({0} + ({0}).T)", [(n, n)])] if n == k else []
        solved = [("np.linalg.solve(P, {})", [("d", k)])] if n == "d" else []
        return [
            *super().matrices(n, k, m),
            *square,
            *solved,
            ("({0} - np.mean({0}, axis=0))", [(n, k)]),
            ("(np.exp({0}) / np.sum(np.exp({0}), axis=1, keepdims=True))", [(n, k)]),
            ("({} - ({})[:, None])", [(n, k), (n,)]),
            ("({} + {})", [(n, k), ()]),
            ("({0} @ ({0}).T @ {1})", [(n, m), (n, k)]),
        ]
