"""Derivatives from function values alone, each with an estimate of its own error.

Two methods. The *complex step* (Squire & Trapp 1998), ``Im f(x + ih) / h`` with a tiny ``h``, has
no cancellation and is exact to rounding, but only for a function that is analytic and computes
with complex numbers throughout: an ``abs`` or a real part breaks it in silence. *Richardson
extrapolation of central differences* (Ridders 1982) works for any smooth function, and tells how
well. So the second is always made, and the first is believed only where it agrees with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

#: A function along a line: a real step gives a vector of real numbers (``None``: it cannot be
#: computed there), an imaginary one a vector of complex numbers.
Line: TypeAlias = Callable[[complex], "np.ndarray | None"]
#: The same on a plane.
Plane: TypeAlias = Callable[[complex, complex], "np.ndarray | None"]

#: The first step, relative to the argument: it changes no sign, so it leaves no half-line.
STEP = 1 / 8
#: How often the step is halved, and how often it is first made ten times smaller to stay inside.
LEVELS = 12
RETREATS = 9
#: So small that its square vanishes beside 1, and the complex step has no truncation error.
TINY = 1e-40

EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Estimate:
    """A derivative, entry by entry, and how far off it may be; NaN ± ∞ where there is none."""

    value: np.ndarray
    error: np.ndarray
    method: str

    def contracted(self, weights: np.ndarray) -> Estimate:
        """The derivative of a weighted sum of the entries."""
        live = weights != 0
        if not live.any():
            return Estimate(np.asarray(np.nan), np.asarray(np.inf), "none")
        with np.errstate(invalid="ignore"):
            value = np.sum(weights[live] * self.value[live])
            error = np.sum(np.abs(weights[live]) * self.error[live])
        return Estimate(np.asarray(value), np.asarray(error), self.method)

    def scaled(self, factor: float) -> Estimate:
        """The derivative in a direction ``factor`` times as long."""
        return Estimate(self.value * factor, self.error * abs(factor), self.method)


def first(line: Line, *, analytic: bool = True) -> Estimate:
    """The derivative of ``line`` at 0; by the complex step where ``analytic`` allows to try."""
    base = line(0.0)
    if base is None:
        return nothing(0)

    def central(h: float) -> np.ndarray | None:
        ahead, behind = line(h), line(-h)
        return None if ahead is None or behind is None else (ahead - behind) / (2 * h)

    found = _extrapolated(central, base, power=1, even=True)
    if not np.isfinite(found.error).any():
        sides = [one_sided(line, sign) for sign in (1.0, -1.0)]
        found = min(sides, key=lambda e: float(np.sum(~np.isfinite(e.error))))
    return _by_complex_step(lambda: line(TINY * 1j), found) if analytic else found


def one_sided(line: Line, sign: float) -> Estimate:
    """The derivative of ``line`` at 0 from one side: that of ``line(sign * t)`` for ``t > 0``."""
    base = line(0.0)
    if base is None:
        return nothing(0)

    def forward(h: float) -> np.ndarray | None:
        there = line(sign * h)
        return None if there is None else (there - base) / (sign * h)

    return _extrapolated(forward, base, power=1, even=False)


def second(plane: Plane, *, analytic: bool = True) -> Estimate:
    """The mixed second derivative of ``plane`` at the origin."""
    base = plane(0.0, 0.0)
    if base is None:
        return nothing(0)

    def cross(h: float) -> np.ndarray | None:
        corners = [plane(h, h), plane(-h, -h), plane(h, -h), plane(-h, h)]
        if any(c is None for c in corners):
            return None
        a, b, c, d = (np.asarray(corner) for corner in corners)
        return np.asarray((a + b - c - d) / (4 * h * h))

    found = _extrapolated(cross, base, power=2, even=True)
    if not analytic:
        return found

    def slopes(h: complex) -> np.ndarray | None:
        there = plane(TINY * 1j, h)
        return None if there is None else np.imag(there) / TINY

    better = first(slopes, analytic=False)
    agrees = better.value.shape == found.value.shape and _agree(better, found)
    return Estimate(better.value, better.error, "the complex step") if agrees else found


def nothing(size: int) -> Estimate:
    """No estimate at all."""
    return Estimate(np.full(size, np.nan), np.full(size, np.inf), "none")


def _by_complex_step(run: Callable[[], np.ndarray | None], found: Estimate) -> Estimate:
    there = run()
    if there is None or there.shape != found.value.shape or there.dtype.kind != "c":
        return found
    value = np.imag(there) / TINY
    better = Estimate(value, 8 * EPS * np.abs(value), "the complex step")
    return better if _agree(better, found) else found


def _agree(better: Estimate, found: Estimate) -> bool:
    """Whether two estimates are the same within the error of the worse."""
    known = np.isfinite(found.error)
    if not known.any():
        return False
    scale = np.max(np.abs(found.value[known]), initial=0.0)
    with np.errstate(invalid="ignore"):
        slack = 16 * (found.error + better.error) + 1e-9 * scale
        return bool(np.all(np.abs(better.value - found.value)[known] <= slack[known]))


def _extrapolated(
    stencil: Callable[[float], np.ndarray | None], base: np.ndarray, *, power: int, even: bool
) -> Estimate:
    """The limit of ``stencil(h)`` for small ``h``, by Neville's scheme; the best entry of each.

    The error of an entry of the scheme is how far it is from its two ancestors, and what rounding
    of values as large as ``base`` can do to a quotient by ``h ** power``.
    """
    h, row = _inside(stencil, base)
    if row is None:
        return nothing(base.size)
    size = np.abs(np.where(np.isfinite(base), base, np.nan))
    best = np.full(base.size, np.nan)
    error = np.full(base.size, np.inf)
    rows = [row]
    with np.errstate(all="ignore"):
        for level in range(1, LEVELS):
            h /= 2
            there = stencil(h)
            if there is None:
                break
            new = [there]
            for k, older in enumerate(rows):
                factor = 2.0 ** ((2 if even else 1) * (k + 1))
                refined = new[k] + (new[k] - older) / (factor - 1)
                drift = np.maximum(np.abs(refined - new[k]), np.abs(refined - older))
                drift = drift + 4 * EPS * size / h**power
                better = drift < error
                best, error = np.where(better, refined, best), np.where(better, drift, error)
                new.append(refined)
            rows = new
            known = error[np.isfinite(error)]
            top = np.max(np.abs(best), initial=0.0, where=np.isfinite(best))
            if level > 2 and known.size == base.size and np.all(known <= 1e-11 * top):
                break
    best = np.where(np.isfinite(error), best, np.nan)
    return Estimate(best, error, "extrapolated differences")


def _inside(
    stencil: Callable[[float], np.ndarray | None], base: np.ndarray
) -> tuple[float, np.ndarray | None]:
    """The largest step at which everything that is finite at the point itself is finite."""
    h = STEP
    fallback: tuple[float, np.ndarray | None] = (h, None)
    for _ in range(RETREATS):
        found = stencil(h)
        if found is not None and found.shape == base.shape:
            if np.isfinite(found[np.isfinite(base)]).all():
                return h, found
            fallback = (h, found)
        h /= 10
    return fallback


@dataclass(frozen=True)
class Verdict:
    """Which entries of a derivative are wrong, and which cannot be told."""

    wrong: np.ndarray
    undecided: np.ndarray


def judge(
    found: np.ndarray,
    truth: Estimate,
    line: Line | None,
    scale: float,
    eps: float,
    *,
    single: bool = False,
) -> Verdict:
    """Hold a derivative against an independent one.

    An entry may differ by a few times the error of the truth, and by the rounding of the
    derivative itself, relative to the entry and to ``scale``, the size of its neighbours.

    Where the slopes on the two sides of ``line`` differ, there is a kink. With a ``single`` number
    moving, anything between them is a valid slope, and what is within their distance may be one,
    of a sum of kinks; with more numbers moving, each may have chosen its own.
    """
    found, value, error = (np.atleast_1d(a) for a in (found, truth.value, truth.error))
    top = np.max(np.abs(value), initial=scale, where=np.isfinite(value))
    with np.errstate(invalid="ignore"):
        undecided = ~(error <= 1e-3 * max(top, np.finfo(float).tiny))
        slack = 4 * error + eps**0.55 * np.abs(value) + eps**0.75 * top
        wrong = ~(np.abs(found - value) <= slack) & ~undecided
    if wrong.any() and line is not None and np.isfinite(found[wrong]).all():
        sides = [one_sided(line, sign) for sign in (-1.0, 1.0)]
        low = np.minimum(sides[0].value, sides[1].value)
        high = np.maximum(sides[0].value, sides[1].value)
        apart = sum(s.error for s in sides)
        with np.errstate(invalid="ignore"):
            slack = 4 * apart + eps**0.55 * np.abs(high) + eps**0.75 * top
            kink = (high - low > slack) & (apart <= 1e-3 * max(top, np.finfo(float).tiny))
            outside = np.maximum(low - found, found - high)
        undecided |= wrong & kink & (outside > slack)
        wrong &= ~(kink & ((outside <= high - low + slack) if single else True))
        undecided &= ~wrong
    return Verdict(wrong, undecided)
