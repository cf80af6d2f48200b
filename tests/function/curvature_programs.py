"""Random functions, and their certificates against the eigenvalues of their Hessians.

Run as a program with a count (and a first seed), this tries so many.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from random import Random
from typing import Any

import numpy as np
from chainrule.errors import ChainruleError
from chainrule.function.certificate import Certification
from chainrule.function.proof import Proof
from scipy import special

_rng = np.random.default_rng(0)
_root = _rng.normal(size=(3, 3))
DATA: dict[str, Any] = {
    "np": np,
    "special": special,
    "X": _rng.normal(size=(5, 3)),
    "Z": _rng.random((5, 3)) + 0.1,
    "y": _rng.normal(size=5),
    "t": (_rng.random(5) < 0.5).astype(float),
    "c": _rng.normal(size=3),
    "q": _rng.random(3) + 0.2,
    "A": _rng.normal(size=(3, 3)),
    "P": _root @ _root.T,
    "lam": 0.7,
    "mu": -0.4,
}
_CHAIN = (
    "np.exp({})", "np.log({})", "np.sqrt({})", "({}) ** 2", "({}) ** 3", "1 / ({})", "np.abs({})",
    "np.maximum({}, 0)", "np.tanh({})", "1 / (1 + np.exp(-({})))", "np.logaddexp(0, {})",
    "-({})", "lam * ({})", "mu * ({})", "({}) ** 1.5", "np.log(1 + np.exp({}))", "np.cosh({})",
    "np.sinh({})", "np.sin({})", "np.log(1 + ({}) ** 2)", "np.sqrt(1 + ({}) ** 2)", "({}) ** -2",
    "np.minimum({}, 1)", "np.exp(-({}) ** 2)", "np.arctan({})", "({}) ** 4", "np.expm1({})",
    "np.log1p({})", "({}) ** (1 / 3)", "np.where(({0}) > 0, {0}, 0)", "np.abs({}) ** 3",
    "special.huber(0.7, {})", "np.clip({}, -1, 1)", "special.xlogy({0}, {0})", "np.sign({0}) * {0}",
)  # fmt: skip
_PAIRS = (
    "({} + {})",
    "({} - {})",
    "({} * {})",
    "({} / {})",
    "np.maximum({}, {})",
    "({} + lam * {})",
)
_REDUCE3 = (
    "np.sum({})", "np.mean({})", "np.max({})", "np.min({})", "np.linalg.norm({})", "(c @ {})",
    "(q @ {})", "np.log(np.sum(np.exp({})))", "np.sum(({}) ** 2)", "np.prod({})",
    "np.sum(np.sort({})[-2:])", "np.sum(np.sort({})[:1])", "np.sum(np.abs({}))",
    "({0} @ P @ {0})", "({0} @ A @ {0})", "np.sum(({0}) * np.log({0}))", "({})[0]", "({})[-1]",
    "np.sum(({0}) * np.log(({0}) / q))", "np.prod({}) ** (1 / 3)", "np.linalg.norm({}, 1)",
    "np.sum(np.diff({}) ** 2)", "np.linalg.norm({}, np.inf)", "np.sum(np.cumsum({}))",
    "np.sum({0} * np.roll({0}, 1))", "np.exp(np.mean(np.log({})))", "np.var({})", "np.std({})",
    "np.sum(special.rel_entr({}, q))", "np.linalg.slogdet(P + np.diag({}))[1]",
    "(c @ np.linalg.solve(P + np.diag({}), c))", "np.sum(np.sort({})[::-1][:2])",
    "(({0}) @ ({0}) / (1 + q @ ({0})))", "np.max(({0})[::-1] - ({0}))", "np.median({})",
    "np.sum(special.entr({}))", "np.sum(special.softmax({}) * c)", "np.linalg.norm(({})[:2])",
)  # fmt: skip
_REDUCE5 = (
    "np.sum({})", "np.mean({})", "np.max({})", "np.linalg.norm({})", "np.sum(t * {})",
    "np.sum(y * {})", "np.mean(({} - y) ** 2)", "np.log(np.sum(np.exp({})))", "np.sum(np.abs({} - y))",
    "np.mean(np.logaddexp(0, {0}) - t * ({0}))",
    "np.sum(t * np.log(1 / (1 + np.exp(-({0})))) + (1 - t) * np.log(1 - 1 / (1 + np.exp(-({0})))))",
    "-np.sum(np.log({}))", "np.sum(np.sort({})[-2:])", "np.linalg.norm(({0})[:, None] * Z)",
)  # fmt: skip


class Program:
    """A random function of a vector (and sometimes a number), as NumPy source."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - the same programs every time
        self.two = self.random.random() < 0.2
        depth = self.random.choice((2, 3, 3, 4))
        self.source = self.number(depth)
        self.positive = self.random.random() < 0.5

    def number(self, depth: int) -> str:
        r = self.random
        if depth <= 0:
            return r.choice(("s", "x[0]", "lam")) if self.two else r.choice(("x[0]", "x[1]", "lam"))
        chance = r.random()
        if chance < 0.25:
            return r.choice(_PAIRS).format(self.number(depth - 1), self.number(depth - 1))
        if chance < 0.45:
            return r.choice(_CHAIN).format(self.number(depth - 1))
        if chance < 0.75:
            return r.choice(_REDUCE3).format(self.vector(depth - 1))
        return r.choice(_REDUCE5).format(self.rows(depth - 1))

    def vector(self, depth: int) -> str:
        r = self.random
        if depth <= 0:
            return r.choice(("x", "x", "x", "(x - c)", "(2 * x)", "(x + q)", "(q * x)", "(1 - x)"))
        chance = r.random()
        if chance < 0.45:
            return r.choice(_CHAIN).format(self.vector(depth - 1))
        if chance < 0.7:
            return r.choice(_PAIRS).format(self.vector(depth - 1), self.vector(depth - 1))
        if chance < 0.8:
            return f"({self.vector(depth - 1)} * {self.number(depth - 1)})"
        return r.choice(("(A @ {})", "(P @ {})", "np.cumsum({})", "({})[::-1]")).format(
            self.vector(depth - 1)
        )

    def rows(self, depth: int) -> str:
        r = self.random
        if depth <= 0 or r.random() < 0.5:
            return r.choice(("(X @ {})", "(Z @ {})")).format(self.vector(depth - 1))
        if r.random() < 0.6:
            return r.choice(_CHAIN).format(self.rows(depth - 1))
        return r.choice(_PAIRS).format(self.rows(depth - 1), self.rows(depth - 1))

    def function(self) -> tuple[Any, tuple[Any, ...], Any]:
        """The function, its arguments and what it is convex by."""
        scope = dict(DATA)
        names = "x, s" if self.two else "x"
        exec(f"def f({names}):\n    return {self.source}", scope)
        x = _rng_of(self.random).random(3) + 0.1
        x = x if self.positive else x - 0.6
        return scope["f"], (x, 0.8) if self.two else (x,), (0, 1) if self.two else 0


def _rng_of(random: Random) -> np.random.Generator:
    return np.random.default_rng(random.randrange(1 << 30))


def _shaped(parts: list[Any], even: list[bool]) -> list[Any]:
    return [(p + p.T) / 2 if e else p for p, e in zip(parts, even, strict=True)]


def _projection(starts: list[Any], even: list[bool]) -> Any:
    """Onto what keeps the symmetric variables symmetric."""
    columns = []
    sizes = [s.size for s in starts]
    for k in range(sum(sizes)):
        flat = np.zeros(sum(sizes))
        flat[k] = 1.0
        parts = np.split(flat, np.cumsum(sizes)[:-1])
        shaped = [p.reshape(s.shape) for p, s in zip(parts, starts, strict=True)]
        columns.append(np.concatenate([p.ravel() for p in _shaped(shaped, even)]))
    return np.stack(columns)


def contradiction(proof: Proof, verdict: str, tries: int = 40) -> str | None:
    """Where sampled curvature contradicts a verdict, inside the domain that it names."""
    rng = np.random.default_rng(1)
    starts = [np.asarray(proof.examples[n].value, float) for n in proof.inputs]
    sign = -1 if verdict.endswith("concave") else 1
    even = proof.even()
    keep = _projection(starts, even)
    for k in range(tries):
        spread = (0.1, 1.0, 4.0)[k % 3]
        point = _shaped([s + spread * rng.normal(size=s.shape) for s in starts], even)
        if k % 2:
            point = [np.abs(p) for p in point]
        if not k:
            point = starts
        if not proof.inside(point) or not np.isfinite(proof.call(point)):
            continue
        matrix = proof.matrix(point)
        if np.isfinite(matrix).all() and np.abs(matrix).max(initial=0) < 1e8:
            values = sign * np.linalg.eigvalsh(keep @ matrix @ keep)
            edge = 1e-7 * (1 + np.abs(values).max())
            if values.min() < -edge or (verdict == "linear" and np.abs(values).max() > edge):
                return f"eigenvalues {sign * values} at {point}"
        other = _shaped([p + spread * rng.normal(size=p.shape) for p in point], even)
        if not proof.inside(other):
            continue
        middle = [(p + r) / 2 for p, r in zip(point, other, strict=True)]
        values = [proof.call(p) for p in (point, other, middle)]
        along = [
            proof.call([p + u * (r - p) for p, r in zip(point, other, strict=True)])
            for u in (0.1, 0.25, 0.75, 0.9)
        ]
        if not np.isfinite([*values, *along]).all():
            if np.isfinite(values[:2]).all() and proof.inside(middle):
                return f"not defined between {point} and {other}"
            continue
        excess = sign * (values[2] - (values[0] + values[1]) / 2)
        if excess > 1e-7 * (1 + np.abs(values).max()):
            return f"a chord from {point} to {other}: {values}"
    return None


def main(count: int, first: int = 0) -> None:
    """Try so many programs, and report."""
    start, found, wrong = time.perf_counter(), Counter[str](), 0
    for seed in range(first, first + count):
        program = Program(seed)
        f, arguments, wrt = program.function()
        with np.errstate(all="ignore"):
            try:
                if not np.isfinite(f(*arguments)):
                    found["not defined"] += 1
                    continue
                proof = Certification(f, arguments, {}, wrt, {})
                given = proof.certificate(verify=False)
            except (ChainruleError, ValueError, ZeroDivisionError) as error:
                found[type(error).__name__] += 1
                continue
            found[given.verdict] += 1
            if given:
                why = contradiction(proof, given.verdict)
                if why is not None:
                    wrong += 1
                    print(f"WRONG {seed}: {program.source}\n{given}\n{why}")
    print(f"{wrong} false of {count} in {time.perf_counter() - start:.0f} s: {dict(found)}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
