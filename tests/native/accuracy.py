"""What the vector functions are measured against: samples, references in 40 digits, bounds in ULP.

``python tests/native/accuracy.py`` writes docs/vector-maths.md, which takes a minute.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import mpmath as mp
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from chainrule.native.vector.table import BY_PRIMITIVE
from tests.native.compiling import element, kernel

PAGE = Path(__file__).parents[2] / "docs" / "vector-maths.md"
NAMES = {op.name: op for op in BY_PRIMITIVE}


class Between(NamedTuple):
    """Numbers evenly between two; by magnitude and of both signs if ``log``."""

    low: float
    high: float
    log: bool = False

    def draw(self, rng, count, dtype):
        info = np.finfo(dtype)
        if self.log:
            low, high = np.log(max(self.low, float(info.tiny))), np.log(min(self.high, float(info.max) / 4))
            return np.exp(rng.uniform(low, high, count)).astype(dtype)
        return rng.uniform(self.low, self.high, count).astype(dtype)


class Case(NamedTuple):
    """A function, where it is sampled in double and in single precision, and how exact it is."""

    reference: object
    domains: tuple  # of tuples of Between, one for each argument
    bound: float = 2.0
    single: tuple | None = None
    note: str = ""
    #: The error counts in units of the last place of something at least as large as this.
    floor: object = None


def B(low, high, log=False):
    return Between(low, high, log)


def one(*intervals):
    return tuple((i,) for i in intervals)


ANY, POSITIVE = B(-3, 3), B(1e-300, 1e300, True)
CASES = {
    "exp": Case(mp.exp, one(B(-745, 709.7), ANY), single=one(B(-103, 88.7), ANY)),
    "exp2": Case(lambda x: mp.mpf(2) ** x, one(B(-1074, 1024), ANY), single=one(B(-149, 128), ANY)),
    "exp10": Case(lambda x: mp.mpf(10) ** x, one(B(-323, 308), ANY), single=one(B(-44, 38), ANY)),
    "expm1": Case(mp.expm1, one(B(-40, 709.7), ANY, B(1e-300, 1, True)), single=one(B(-20, 88.7), ANY)),
    "log": Case(mp.log, one(POSITIVE, B(0.4, 2.5))),
    "log2": Case(lambda x: mp.log(x, 2), one(POSITIVE, B(0.4, 2.5))),
    "log10": Case(mp.log10, one(POSITIVE, B(0.4, 2.5))),
    "log1p": Case(mp.log1p, one(POSITIVE, B(-0.999, 2.5))),
    "sin": Case(mp.sin, one(B(-7, 7), B(-1e9, 1e9), B(1, 1e300, True))),
    "cos": Case(mp.cos, one(B(-7, 7), B(-1e9, 1e9), B(1, 1e300, True))),
    "tan": Case(mp.tan, one(B(-7, 7), B(-1e9, 1e9), B(1, 1e300, True))),
    "arcsin": Case(mp.asin, one(B(-1, 1), B(1e-300, 1, True))),
    "arccos": Case(mp.acos, one(B(-1, 1))),
    "arctan": Case(mp.atan, one(ANY, POSITIVE)),
    "sinh": Case(mp.sinh, one(ANY, B(-710.4, 710.4)), single=one(ANY, B(-89, 89))),
    "cosh": Case(mp.cosh, one(ANY, B(-710.4, 710.4)), single=one(ANY, B(-89, 89))),
    "tanh": Case(mp.tanh, one(ANY, B(1e-300, 20, True))),
    "arcsinh": Case(mp.asinh, one(ANY, POSITIVE)),
    "arccosh": Case(mp.acosh, one(B(1, 3), B(1, 1e300, True))),
    "arctanh": Case(mp.atanh, one(B(-0.9999, 0.9999), B(1e-300, 0.9, True))),
    "cbrt": Case(lambda x: mp.sign(x) * mp.cbrt(abs(x)), one(ANY, POSITIVE)),
    "expit": Case(lambda x: 1 / (1 + mp.exp(-x)), one(B(-700, 40)), single=one(B(-85, 20))),
    "log_expit": Case(lambda x: -mp.log1p(mp.exp(-x)), one(B(-40, 40), B(-700, 700)), single=one(B(-20, 20))),
    "logit": Case(lambda p: mp.log(p / (1 - p)), one(B(0.0001, 0.9999), B(1e-300, 0.5, True))),
    "exprel": Case(lambda x: mp.expm1(x) / x, one(B(-40, 700)), single=one(B(-20, 80))),
    "cosm1": Case(lambda x: -2 * mp.sin(x / 2) ** 2, one(ANY), 4),
    "erf": Case(mp.erf, one(B(-6, 6), B(1e-300, 1, True)), single=one(B(-4, 4))),
    "erfc": Case(mp.erfc, one(B(-6, 26.5)), single=one(B(-4, 9.2))),
    "erfcx": Case(lambda x: mp.exp(x * x) * mp.erfc(x), one(B(-26, 30)), single=one(B(-9, 30))),
    "ndtr": Case(lambda x: mp.erfc(-x / mp.sqrt(2)) / 2, one(B(-37, 9)), single=one(B(-12, 5))),
    "log_ndtr": Case(
        lambda x: mp.log(mp.erfc(-x / mp.sqrt(2)) / 2) if x < 5 else mp.log1p(-mp.erfc(x / mp.sqrt(2)) / 2),
        one(B(-100, 37)), 2.5, single=one(B(-30, 12)),
    ),
    "gammaln": Case(mp.loggamma, one(B(0.001, 9), B(1e-200, 1e300, True)), single=one(B(0.001, 9), B(1e-30, 1e30, True))),
    "psi": Case(mp.digamma, one(B(0.001, 9), B(1e-200, 1e300, True)), 8, note="near its zero, of 1/8", floor=lambda x: 0.125,
                single=one(B(0.001, 9), B(1e-30, 1e30, True))),
    "power": Case(lambda x, y: x**y, ((POSITIVE, B(-1, 1)), (B(0.5, 2), B(-900, 900))), single=((B(1e-37, 1e37, True), B(-1, 1)), (B(0.5, 2), B(-80, 80)))),
    "hypot": Case(mp.hypot, ((ANY, ANY), (POSITIVE, POSITIVE))),
    "arctan2": Case(mp.atan2, ((ANY, ANY), (B(1e-150, 1e150, True), B(1e-150, 1e150, True))), single=((ANY, ANY), (B(1e-15, 1e15, True), B(1e-15, 1e15, True)))),
    "logaddexp": Case(
        lambda x, y: max(x, y) + mp.log1p(mp.exp(-abs(x - y))), ((ANY, ANY), (B(-700, 700), B(-700, 700))),
        note="where it cancels, of the larger argument", floor=lambda x, y: max(x, y, key=abs), single=((ANY, ANY), (B(-80, 80), B(-80, 80))),
    ),
    "logaddexp2": Case(
        lambda x, y: max(x, y) + mp.log1p(mp.mpf(2) ** -abs(x - y)) / mp.log(2), ((ANY, ANY), (B(-700, 700), B(-700, 700))),
        note="where it cancels, of the larger argument", floor=lambda x, y: max(x, y, key=abs), single=((ANY, ANY), (B(-80, 80), B(-80, 80))),
    ),
    "xlogy": Case(lambda x, y: x * mp.log(y), ((ANY, B(0.01, 9)),)),
    "xlog1py": Case(lambda x, y: x * mp.log1p(y), ((ANY, B(-0.9, 9)),)),
    "entr": Case(lambda x: -x * mp.log(x), one(B(0.0001, 9))),
    "rel_entr": Case(lambda x, y: x * mp.log(x / y), ((B(0.01, 9), B(0.01, 9)), (B(1e-30, 1e30, True), B(1e-30, 1e30, True))), single=((B(0.01, 9), B(0.01, 9)),)),
    "kl_div": Case(lambda x, y: x * mp.log(x / y) - x + y, ((B(0.01, 9), B(0.01, 9)),), 3, note="where it cancels, of the larger argument", floor=max),
    "boxcox": Case(lambda x, p: (x**p - 1) / p, ((B(0.01, 9), B(-2, 2)), (B(0.1, 9), B(-20, 20))), 2.5),
    "fmod": Case(lambda x, y: mp.sign(x) * (abs(x) - abs(y) * mp.floor(abs(x) / abs(y))), ((B(-1e6, 1e6), B(-9, 9)), (B(-9, 9), B(-9, 9))), 0),
    "remainder": Case(lambda x, y: x - y * mp.floor(x / y), ((B(-1e6, 1e6), B(0.1, 9)), (B(-9, 9), B(-9, 9))), 0.51),
}  # fmt: skip


def draw(case, dtype, count):
    """The arguments: so many for each part of the domain."""
    rng = np.random.default_rng(17)
    domains = case.single if dtype == np.float32 and case.single else case.domains
    columns = [[interval.draw(rng, count, dtype) for interval in domain] for domain in domains]
    return [np.concatenate(column) for column in zip(*columns, strict=True)]


def references(case, args):
    """In 40 digits, as numbers of mpmath."""
    with mp.workdps(40):
        return [case.reference(*map(mp.mpf, map(float, row))) for row in zip(*args, strict=True)]


def errors(got, truth, args, case):
    """In units of the last place."""
    info = np.finfo(got.dtype)
    found = np.zeros(len(got))
    for k, (y, t) in enumerate(zip(got, truth, strict=True)):
        if abs(t) > float(info.max):
            found[k] = 0.0 if np.isinf(y) else np.inf
            continue
        size = got.dtype.type(float(t))
        if case.floor is not None:
            size = max(abs(size), abs(got.dtype.type(case.floor(*(a[k] for a in args)))))
        unit = np.spacing(np.abs(size))
        with mp.workdps(40):
            found[k] = float(abs(mp.mpf(float(y)) - t) / float(unit)) if np.isfinite(y) else np.inf
    return found


def measure(name, dtype, count, fma=True, width=8):
    """The largest error, and the arguments there."""
    case = CASES[name]
    args = draw(case, dtype, count)
    kinds = (element(dtype),) * len(args)
    got = kernel(NAMES[name], kinds, kinds[0], width, fma)(*args)
    found = errors(got, references(case, args), args, case)
    worst = int(np.argmax(found))
    return found[worst], tuple(a[worst] for a in args)


OPENING = """# Vector mathematics

Compiled functions compute the elementary functions by polynomials of their own, in scalars and in
vectors of every width alike: an element has the same value wherever it lies. The largest errors,
in units of the last place (ULP), against 40 digits, at {count} points for each part of the domain,
and where they are. One half is the least that is possible; the bound is what the tests hold.

| function | double | at | single | at | bound |
|---|---|---|---|---|---|
"""
CLOSING = """
Infinities, NaN, zeros with their signs, subnormal numbers and overflow are as NumPy and SciPy have
them. Of sine, cosine and tangent of numbers beyond 2³⁰, of the gamma function and of the logarithm
of the gamma function of negative numbers, the C library computes each lane. What is not listed is
exact, rounded once, or a call back to NumPy and SciPy.

Processors without a fused multiply-add run the same code with exact products by splitting; the
errors are larger there by less than half a unit.

This page is written by `python tests/native/accuracy.py`.
"""


def page(count):
    """The page, measured anew."""
    lines = [OPENING.format(count=count)]
    for name, case in CASES.items():
        cells = []
        for dtype in (np.float64, np.float32):
            worst, where = measure(name, dtype, count)
            cells += [f"{worst:.2f}", ", ".join(f"{float(x):.6g}" for x in where)]
        bound = f"{case.bound:g}" + (f" ({case.note})" if case.note else "")
        lines.append(f"| `{name}` | {' | '.join(cells)} | {bound} |\n")
    return "".join(lines) + CLOSING


if __name__ == "__main__":
    PAGE.write_text(page(2000), encoding="utf-8")
