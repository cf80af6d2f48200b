"""The profile of one unknown: how good a fit can be with that unknown held at other values.

Venables & Ripley, Modern Applied Statistics with S (2002), §8.4; Bates & Watts, Nonlinear Regression
Analysis (1988), §6.1. Its interval needs no quadratic approximation and is invariant under a change of
variables.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from ..errors import ArgumentError
from . import newton as newtons
from .matrices import Dense
from .objective import Objective, quietly
from .variables import Variables, Vector

#: Steps outwards until a profile counts as open, and towards the end of an interval.
OUTWARDS, INWARDS = 30, 40


@dataclass(frozen=True)
class Profile:
    """An unknown's values, and what each costs after all others have been fitted anew.

    ``roots`` is the signed square root of the deviance, a straight line where the fit is quadratic;
    an interval holds the values with ``|roots|`` up to a quantile.
    """

    #: The unknown, as the user's program would write it.
    name: str
    #: Its value at the minimum.
    estimate: float
    #: How often such an interval holds the true value.
    level: float
    #: The ends of the interval; infinite where the data set no end.
    low: float
    high: float
    #: The values it was held at, ascending, ``(m,)``.
    values: Vector
    #: Twice what the function rises by, in units of its variance, ``(m,)``.
    deviance: Vector
    #: The signed square roots of the deviance, ``(m,)``.
    roots: Vector
    #: All unknowns at each value, in the order of ``cr.ravel(x)``, ``(m, n)``.
    points: Vector

    def __str__(self) -> str:
        return (
            f"{self.name} = {self.estimate:.6g}, {100 * self.level:g} % interval "
            f"{self.low:.6g} to {self.high:.6g}"
        )


class Held:
    """A function of all unknowns but one, which is its second argument."""

    def __init__(self, flat: Any, k: int) -> None:
        self._flat, self._k = flat, k

    def __call__(self, others: Any, value: Any, *rest: Any) -> Any:
        """The value."""
        k = self._k
        x = np.concatenate([others[:k], np.reshape(value, 1), others[k:]])
        return self._flat(x, *rest)


class Profiler:
    """Profiles of the unknowns of one minimum.

    ``scale`` is what a difference of the function counts: 1 for a negative log-likelihood. With
    ``freedom`` its unit was estimated by so many degrees of freedom, and quantiles are Student's.
    """

    def __init__(
        self,
        flat: Any,
        args: tuple[Any, ...],
        variables: Variables,
        x: Vector,
        box: tuple[Vector, Vector] | None,
        *,
        scale: float = 1.0,
        freedom: int | None = None,
    ) -> None:
        self._flat, self._args, self._variables, self._x = flat, args, variables, x
        self._box, self._scale, self._freedom = box, scale, freedom

    def __call__(
        self, which: Any, level: float, scale: float | None, width: float
    ) -> Profile:
        """The profile of one unknown."""
        if not 0 < level < 1:
            raise ArgumentError(f"profile: level is {level!r}. Write a share, such as 0.95.")
        k = place(self._variables, which)
        share = (1 + level) / 2
        student = self._freedom is not None
        target = float(special.stdtrit(self._freedom, share) if student else special.ndtri(share))
        size = self._scale if scale is None else scale
        start = width / size**0.5 if width else 0.1 * max(1.0, abs(float(self._x[k])))
        search = _Search(self, k, size)
        with quietly():
            low, high = (search.end(sign, target, start) for sign in (-1.0, 1.0))
        kept = sorted(search.known)
        rises = np.array([search.known[t][0] for t in kept])
        values = np.array(kept)
        return Profile(
            name=self._variables.element(k), estimate=float(self._x[k]), level=level,
            low=low, high=high, values=values, deviance=rises,
            roots=np.sign(values - self._x[k]) * np.sqrt(np.maximum(rises, 0.0)),
            points=np.array([search.known[t][1] for t in kept]),
        )  # fmt: skip

    def place(self, which: Any) -> int:
        """Where in the vector an unknown is."""
        return place(self._variables, which)

    def fit(self, k: int, value: float, near: Vector, held: Held) -> tuple[float, Vector]:
        """The least value with unknown ``k`` at ``value``, and all unknowns there."""
        rest = np.delete(near, k)
        args = (np.float64(value), *self._args)
        if not rest.size:
            return float(held(rest, *args)), np.array([value])
        objective = Objective(held, rest, args, verb="profile")
        objective.evaluate(objective.variables.start)
        box = None if self._box is None else tuple(np.delete(b, k) for b in self._box)
        x, _, _ = newtons.newton(objective, Dense(objective), box=box)  # type: ignore[arg-type]
        return objective.pair(x)[0], np.insert(x, k, value)


class _Search:
    """The values that one profile was asked at."""

    def __init__(self, profiler: Profiler, k: int, scale: float) -> None:
        self._profiler, self._k, self._scale = profiler, k, scale
        self._held = Held(profiler._flat, k)  # noqa: SLF001 (its own part)
        x = profiler._x  # noqa: SLF001
        self._at = float(x[k])
        self._least = float(profiler._flat(x, *profiler._args))  # noqa: SLF001
        box = profiler._box  # noqa: SLF001
        self._ends = (-np.inf, np.inf) if box is None else (float(box[0][k]), float(box[1][k]))
        self.known: dict[float, tuple[float, Vector]] = {self._at: (0.0, x)}

    def root(self, value: float) -> float:
        """The root of the deviance at a value."""
        if value not in self.known:
            nearest = min(self.known, key=lambda t: abs(t - value))
            least, x = self._profiler.fit(self._k, value, self.known[nearest][1], self._held)
            rise = 2 * self._scale * (least - self._least)
            if not rise < np.inf:
                return float(np.inf)  # where the function is not defined
            if rise < -1e-6 * max(1.0, 2 * self._scale * abs(self._least)):
                raise ArgumentError(
                    f"profile: at {value:.6g} the function is lower, {least:.6g}, than at the solution, "
                    f"{self._least:.6g}, so that is no global minimum. Minimise again from there."
                )
            self.known[value] = (rise, x)
        return float(max(self.known[value][0], 0.0) ** 0.5)

    def end(self, sign: float, target: float, start: float) -> float:
        """Where the root of the deviance reaches ``target``; infinite where it never does."""
        inside, z_inside = self._at, 0.0
        step = start * target
        for _ in range(OUTWARDS):
            outside = self._clipped(inside + sign * step)
            z = self.root(outside)
            if z >= target:
                break
            if outside in self._ends:
                return outside
            ahead = 1.2 * (target - z) / max(z - z_inside, 1e-300)
            step = abs(outside - inside) * min(4.0, max(1.5, ahead))
            inside, z_inside = outside, z
        else:
            return float(sign * np.inf)
        for _ in range(INWARDS):  # false position, with a bisection now and then
            if abs(z - target) <= 1e-9 * target:
                return outside
            share = (target - z_inside) / (z - z_inside) if z < np.inf else 0.5
            trial = inside + min(max(share, 0.02), 0.98) * (outside - inside)
            reached = self.root(trial)
            if abs(reached - target) <= 1e-9 * target:
                return trial
            if reached < target:
                inside, z_inside = trial, reached
            else:
                outside, z = trial, reached
            if abs(outside - inside) <= 1e-12 * max(abs(outside), abs(inside)):
                break
        return float((inside + outside) / 2)

    def _clipped(self, value: float) -> float:
        return float(np.clip(value, *self._ends))


def place(variables: Variables, which: Any) -> int:
    """Where in the vector an unknown is, by its place or by its path: ``"['w'][2]"``."""
    if isinstance(which, int | np.integer) and not isinstance(which, bool):
        if -variables.size <= which < variables.size:
            return int(which) % variables.size
    elif isinstance(which, str):
        names = [variables.element(k)[len(variables.name) :] for k in range(variables.size)]
        plain = re.sub(r"^[A-Za-z_]\w*(?=[\[.]|$)", "", which.strip())
        for form in (which.strip(), plain, f"[{which!r}]", f".{which}"):
            if form.replace('"', "'") in names:
                return names.index(form.replace('"', "'"))
    raise ArgumentError(
        f"profile: there is no unknown {which!r}. Name one number by its path, such as "
        f"{variables.element(0)[len(variables.name) :] or 0!r}, or by its place in cr.ravel(x), 0 to "
        f"{variables.size - 1}."
    )
