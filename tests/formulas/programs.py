"""Random scalar programs over matrices, vectors and a number, as NumPy source."""

from random import Random

import numpy as np

Shape = tuple[str, ...]

rng = np.random.default_rng(0)
DATA = {
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


class Program:
    """Draws one program; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - the same programs every time
        self.source = self.draw((), self.random.choice([2, 3, 4]))
        words = "".join(c if c.isalnum() or c == "_" else " " for c in self.source).split()
        self.names = [name for name in DATA if name in words]
        self.wrt = self.random.choice(self.names) if self.names else None
        self.second = self.wrt is not None and np.ndim(DATA[self.wrt]) < 2 and not seed % 4

    def draw(self, shape: Shape, depth: int) -> str:
        if depth <= 0:
            return self.leaf(shape)
        chance = self.random.random()
        if chance < 0.2:
            return self.random.choice(FUNCTIONS).format(self.draw(shape, depth - 1))
        if chance < 0.4:
            sign = self.random.choice("+-*")
            return f"({self.draw(shape, depth - 1)} {sign} {self.draw(shape, depth - 1)})"
        if chance < 0.45:
            return f"({self.draw(shape, depth - 1)} * {self.draw((), depth - 1)})"
        return (self.number, self.vector, self.matrix)[len(shape)](shape, depth - 1)

    def leaf(self, shape: Shape) -> str:
        if shape in LEAVES:
            return self.random.choice(LEAVES[shape])
        if shape[::-1] in LEAVES:
            return self.random.choice(LEAVES[shape[::-1]]) + ".T"
        return f"np.outer({self.leaf(shape[:1])}, {self.leaf(shape[1:])})"

    def number(self, shape: Shape, depth: int) -> str:
        m, n = self.random.choice(SIZES), self.random.choice(SIZES)
        form, shapes = self.random.choice(
            (
                ("np.sum({})", [(m,)]),
                ("np.mean({})", [(m, n)]),
                ("({} @ {})", [(m,), (m,)]),
                ("np.trace({})", [(m, m)]),
                ("np.linalg.norm({})", [(m, n)]),
                ("np.log(np.sum(np.exp({})))", [(m,)]),
                ("np.sum({} ** 2)", [(m, n)]),
            )
        )
        return form.format(*(self.draw(one, depth) for one in shapes))

    def vector(self, shape: Shape, depth: int) -> str:
        (n,), m = shape, self.random.choice(SIZES)
        form, shapes = self.random.choice(
            (
                ("({} @ {})", [(n, m), (m,)]),
                ("np.sum({}, axis=1)", [(n, m)]),
                ("np.mean({}, axis=0)", [(m, n)]),
                ("({} + {})", [shape, ()]),
            )
        )
        return form.format(*(self.draw(one, depth) for one in shapes))

    def matrix(self, shape: Shape, depth: int) -> str:
        (n, k), m = shape, self.random.choice(SIZES)
        form, shapes = self.random.choice(
            (
                ("({} @ {})", [(n, m), (m, k)]),
                ("({}).T", [(k, n)]),
                ("({} + {})", [shape, (k,)]),
                ("({} * ({})[:, None])", [shape, (n,)]),
                ("np.outer({}, {})", [(n,), (k,)]),
            )
        )
        return form.format(*(self.draw(one, depth) for one in shapes))
