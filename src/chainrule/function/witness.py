"""Points that show that a function is not convex, or not concave: chords on its wrong side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

#: The midpoint lies off the chord by so much of the values, or nothing is said.
MARGIN = 1e-9


@dataclass(frozen=True)
class Chord:
    """Two points, by argument, and by how much ``f`` in the middle exceeds the mean of its ends."""

    start: tuple[Any, ...]
    end: tuple[Any, ...]
    excess: float


@dataclass(frozen=True)
class Witness:
    """Chords on the wrong side: the first shows that it is not convex, the second not concave."""

    not_convex: Chord | None = None
    not_concave: Chord | None = None

    def __bool__(self) -> bool:
        return self.not_convex is not None or self.not_concave is not None


def search(
    f: Callable[[Sequence[Any]], float],
    start: Sequence[np.ndarray],
    draw: Callable[[np.random.Generator, float], Sequence[np.ndarray]],
    direct: Callable[[Sequence[np.ndarray], np.random.Generator], Sequence[np.ndarray]],
    curved: Callable[[Sequence[np.ndarray]], Iterator[Sequence[np.ndarray]]],
    points: int,
) -> Witness:
    """Look for chords among points of ``draw``, along ``direct`` and ``curved`` directions.

    ``draw`` makes a point of the domain (the wider, the larger its second argument), ``direct`` a
    direction that stays in its affine hull, and ``curved`` directions of extreme curvature.
    """
    rng = np.random.default_rng(20261123)
    found = Witness()
    for k in range(points):
        point = start if k == 0 else draw(rng, (0.3, 1.0, 3.0)[k % 3])
        directions = [direct(point, rng) for _ in range(2)]
        if k < 4:
            directions = [*curved(point), *directions]
        for direction in directions:
            size = max(1e-3, *(float(np.abs(p).max(initial=0)) for p in point))
            length = max(float(np.abs(d).max(initial=0)) for d in direction)
            if not length:
                continue
            for step in (1e-2, 0.3, 1.0):
                chord = _chord(f, point, direction, step * size / length)
                if chord is None or not np.isfinite(chord.excess):
                    continue
                if chord.excess > 0 and found.not_convex is None:
                    found = Witness(chord, found.not_concave)
                if chord.excess < 0 and found.not_concave is None:
                    found = Witness(found.not_convex, chord)
                if found.not_convex and found.not_concave:
                    return found
    return found


def _chord(
    f: Callable[[Sequence[Any]], float],
    point: Sequence[np.ndarray],
    direction: Sequence[np.ndarray],
    step: float,
) -> Chord | None:
    """The chord about a point, if the midpoint is clearly on one side and all of it is defined."""

    def at(t: float) -> float:
        return f([p + t * step * d for p, d in zip(point, direction, strict=True)])

    left, middle, right = at(-1.0), at(0.0), at(1.0)
    excess = middle - (left + right) / 2
    if not np.isfinite(excess):
        return None
    if abs(excess) <= MARGIN * (abs(left) + abs(middle) + abs(right) + 1e-3):
        return None
    if not all(np.isfinite(at(t)) for t in (-0.75, -0.5, -0.25, 0.25, 0.5, 0.75)):
        return None
    ends = [
        tuple(p + t * step * d for p, d in zip(point, direction, strict=True)) for t in (-1.0, 1.0)
    ]
    return Chord(ends[0], ends[1], excess)
