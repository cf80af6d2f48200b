"""Directions to look at a loss along: random, of steepest curvature, or one's own."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError
from .around import Around, Vector
from .eigenvalues import top
from .style import signed

RANDOM, EIGENVECTOR = "random", "eigenvector"
NORMALISE = ("filter", "unit", None)


def directions_of(
    around: Around, given: tuple[Any, ...], normalise: str | None, rng: np.random.Generator
) -> tuple[Vector, list[str]]:
    """A row for each direction, and how its axis is called.

    The k-th ``"eigenvector"`` among them is that of the k-th largest eigenvalue. Those drawn at random
    are made orthogonal to one another before they are normalised.
    """
    if normalise not in NORMALISE:
        raise ArgumentError(f"plot: normalise is {normalise!r}. Write 'filter', 'unit' or None.")
    wanted = sum(1 for d in given if isinstance(d, str) and d == EIGENVECTOR)
    if wanted > around.size:
        raise ArgumentError(
            f"plot: there are {wanted} eigenvectors asked for, and {around.size} parameters. Give "
            "fewer directions."
        )
    values, vectors = top(around, wanted) if wanted else (np.zeros(0), np.zeros((0, 0)))
    rows: list[Vector] = []
    names: list[str] = []
    drawn: list[Vector] = []
    met = 0
    for direction in given:
        if isinstance(direction, str) and direction == EIGENVECTOR:
            rows.append(vectors[:, met])
            names.append(f"eigenvector {met + 1}  (λ = {signed(values[met])})")
            met += 1
        elif isinstance(direction, str) and direction == RANDOM:
            v = rng.standard_normal(around.size)
            for other in drawn:
                v = v - (v @ other) / (other @ other) * other
            drawn.append(v)
            rows.append(normalised(around, v, normalise))
            names.append("random direction" + _which(given, len(drawn)) + _how(normalise))
        elif isinstance(direction, str):
            raise ArgumentError(
                f"plot: there is no direction {direction!r}. Write 'random', 'eigenvector', or give a "
                "tree like params, such as the way from one solution to another."
            )
        else:
            v = around.vector_of(direction, f"direction {len(rows)}")
            if not np.any(v) or not np.all(np.isfinite(v)):
                raise ArgumentError(
                    f"plot: direction {len(rows)} is zero or not finite. Give one that leads somewhere."
                )
            rows.append(v)
            names.append("share of the direction" + ("" if len(given) == 1 else f" {len(rows)}"))
    return np.stack(rows), names


def normalised(around: Around, v: Vector, normalise: str | None) -> Vector:
    """A drawn direction in the scale of the parameters.

    ``"filter"`` gives each filter the norm that the parameters have there: each column of a matrix
    of (inputs, outputs), each kernel of a convolution, each vector as a whole. Without that,
    networks of one function in different scales would look different (Li et al., Visualizing the
    loss landscape of neural nets, 2018).
    """
    if normalise is None:
        return v
    if normalise == "unit":
        unit: Vector = v / np.linalg.norm(v)
        return unit
    parts = []
    for d, p in zip(around.leaves(v), around.leaves(around.vector), strict=True):
        axes = (0,) if d.ndim == 2 else tuple(range(1, d.ndim)) if d.ndim > 2 else None
        own = np.sqrt(np.sum(d**2, axis=axes, keepdims=True))
        there = np.sqrt(np.sum(p**2, axis=axes, keepdims=True))
        parts.append(np.ravel(d / np.where(own == 0, 1, own) * there))
    found = np.concatenate(parts)
    if not np.any(found):
        raise ArgumentError(
            "plot: all parameters are 0, so that a direction normalised by filter is 0 too. Write "
            "normalise='unit'."
        )
    return found


def _which(given: tuple[Any, ...], k: int) -> str:
    drawn = sum(1 for d in given if isinstance(d, str) and d == RANDOM)
    return f" {k}" if drawn > 1 else ""


def _how(normalise: str | None) -> str:
    return {"filter": "  (filter norms)", "unit": "  (unit length)", None: ""}[normalise]
