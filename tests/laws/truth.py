"""Numerical derivatives that know nothing of the library: what its own are held against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Curve = Callable[[float], Sequence[Any]]


def slopes(
    curve: Curve, step: float = 0.03, levels: int = 7
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The derivative of each result of ``curve(s)`` at 0, with an estimate of its error.

    Central differences extrapolated to step 0 (Ridders, Advances in Engineering Software, 1982),
    element by element: of the table the entry is taken that agrees best with its neighbours.
    """
    columns: list[list[np.ndarray]] = []
    best: list[tuple[np.ndarray, np.ndarray]] = []
    for level in range(levels):
        h = step * 0.5**level
        ahead, behind = curve(h), curve(-h)
        for k, (a, b) in enumerate(zip(ahead, behind, strict=True)):
            kind = complex if np.result_type(a).kind == "c" else float
            row = [(np.asarray(a, kind) - np.asarray(b, kind)) / (2 * h)]
            if level == 0:
                columns.append(row)
                best.append((row[0], np.full(row[0].shape, np.inf)))
                continue
            previous, factor = columns[k], 1.0
            value, error = best[k]
            for j, older in enumerate(previous):
                factor *= 4.0
                finer = row[j] + (row[j] - older) / (factor - 1)
                change = np.maximum(np.abs(finer - row[j]), np.abs(finer - older))
                row.append(finer)
                better = change < error
                value, error = np.where(better, finer, value), np.where(better, change, error)
            columns[k] = row
            best[k] = (value, error)
    return best


def complex_step(
    function: Callable[..., Sequence[Any]], args: Sequence[Any], tangents: Sequence[Any]
) -> list[Any]:
    """``Im f(x + iht) / h``: the derivative to full precision where ``f`` takes complex numbers.

    Squire and Trapp, SIAM Review 1998. No subtraction, so the step may be as small as one likes.
    """
    h = 1e-30
    moved = [a if t is None else a + 1j * h * t for a, t in zip(args, tangents, strict=True)]
    return [np.imag(out) / h for out in function(*moved)]


def assert_slope(
    found: Any,
    curve_slope: tuple[np.ndarray, np.ndarray],
    what: str,
    *,
    rtol: float = 1e-8,
    worst: float = 1e-5,
) -> None:
    """``found`` is the numerical slope, up to the slope's own error, which must be small itself."""
    value, error = curve_slope
    scale = np.abs(value) + 1e-2 * (1 + np.max(np.abs(value), initial=0.0))
    assert np.all(error <= worst * scale), f"{what}: no numerical truth here, error {np.max(error)}"
    gap = np.abs(np.asarray(found) - value)
    wrong = ~(gap <= 10 * error + rtol * scale)
    assert not np.any(wrong), f"{what}: found\n{found}\nexpected\n{value}\n± {error}"


def assert_close(found: Any, expected: Any, what: str, rtol: float = 1e-10) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, f"{what}: shape {found.shape}, not {expected.shape}"
    atol = rtol * (1 + np.max(np.abs(expected), initial=0.0, where=np.isfinite(expected)))
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol, err_msg=what)


def real_inner(a: Sequence[Any], b: Sequence[Any]) -> float:
    """Re⟨a, b⟩, summed over several arrays; ``None`` is zero."""
    return float(
        sum(
            np.sum(np.real(np.conj(x) * y))
            for x, y in zip(a, b, strict=True)
            if x is not None and y is not None
        )
    )
