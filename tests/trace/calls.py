"""One call of NumPy's or SciPy's, held to NumPy itself: types, values, both modes, and batching."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import chainrule as cr
import numpy as np


def leaves(result: Any) -> list[np.ndarray]:
    """The arrays of a result, which may be a tuple."""
    return [np.asarray(x) for x in (result if isinstance(result, tuple | list) else (result,))]


def assert_call(f: Callable[..., Any], *args: np.ndarray) -> None:
    """``f`` on traced arrays is ``f`` on arrays, its tangent and its pullback are the slope along a
    random direction, and its batch is a loop."""
    rng = np.random.default_rng(11)
    with np.errstate(all="ignore"):
        expected = leaves(f(*args))
        outs, pull = cr.vjp(f, *args)
        _same(leaves(outs), expected)
        tangents = [_random(rng, a) for a in args]
        slopes = _differences(f, args, tangents)
        for found, slope in zip(leaves(cr.jvp(f, args, tuple(tangents))[1]), slopes, strict=True):
            np.testing.assert_allclose(found, slope, rtol=1e-5, atol=1e-6)
        cotangents = [_random(rng, e) for e in expected]
        pulled = pull(_like(outs, cotangents))
        pulled = pulled if isinstance(pulled, tuple) else (pulled,)
        forward = sum(_inner(c, s) for c, s in zip(cotangents, slopes, strict=True))
        backward = sum(_inner(p, t) for p, t in zip(pulled, tangents, strict=True))
        np.testing.assert_allclose(backward, forward, rtol=1e-6, atol=1e-7)
        _batched(f, args)


def _same(found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> None:
    assert len(found) == len(expected)
    for x, y in zip(found, expected, strict=True):
        assert (x.shape, x.dtype) == (y.shape, y.dtype)
        np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-12)


def _differences(
    f: Callable[..., Any], args: Sequence[np.ndarray], tangents: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """The slope of every result along the tangents, by five points."""
    h = 1e-4

    def at(s: float) -> list[np.ndarray]:
        return leaves(f(*[a + s * t for a, t in zip(args, tangents, strict=True)]))

    points = zip(at(h), at(-h), at(2 * h), at(-2 * h), strict=True)
    return [(8 * (a - b) - (c - d)) / (12 * h) for a, b, c, d in points]


def _random(rng: np.random.Generator, like: np.ndarray) -> np.ndarray:
    if like.dtype.kind not in "fc":
        return np.zeros(like.shape, like.dtype)
    x = rng.normal(size=like.shape)
    return x + 1j * rng.normal(size=like.shape) if like.dtype.kind == "c" else x


def _like(outs: Any, cotangents: list[np.ndarray]) -> Any:
    if not isinstance(outs, tuple | list):
        return cotangents[0]
    return type(outs)(*cotangents) if hasattr(outs, "_fields") else type(outs)(cotangents)


def _inner(x: Any, y: Any) -> float:
    """⟨x, y⟩, over what is a number: a NaN that is skipped has no slope."""
    return float(np.nansum(np.real(np.conj(x) * y)))


def _batched(f: Callable[..., Any], args: Sequence[np.ndarray]) -> None:
    stacks = [np.stack([a, a * 1.1]) for a in args]
    found = leaves(cr.vmap(f)(*stacks))
    loop = [leaves(f(*[s[k] for s in stacks])) for k in range(2)]
    for k, x in enumerate(found):
        np.testing.assert_allclose(x, np.stack([one[k] for one in loop]), rtol=1e-9, atol=1e-11)
