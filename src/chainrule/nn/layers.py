"""Layers with parameters, as functions of a dict of arrays and an input.

The names in the dicts are PyTorch's, ``weight`` and ``bias``; the bias may be left out. Inputs
have any number of leading axes, features stand last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeMismatch

Parameters = Mapping[str, Any]


def linear(p: Parameters, x: Any) -> Any:
    """``x W + b`` along the last axis: ``weight`` is (inputs, outputs), ``bias`` (outputs,).

    PyTorch keeps the transpose of this weight. Raises `ShapeMismatch` where the last axis of ``x``
    is not as long as the weight has rows.

    >>> linear({"weight": np.ones((2, 3)), "bias": np.zeros(3)}, np.array([1.0, 2.0]))
    array([3., 3., 3.])
    """
    weight = parameter(p, "weight", "linear")
    if np.ndim(weight) != 2:
        raise ShapeMismatch(
            f"linear: weight has shape {np.shape(weight)}. Give a matrix, (inputs, outputs)."
        )
    if not np.ndim(x) or np.shape(x)[-1] != np.shape(weight)[0]:
        raise ShapeMismatch(
            f"linear: x has shape {np.shape(x)}, and weight {np.shape(weight)} takes "
            f"{np.shape(weight)[0]} features. The last axis of x holds the features."
        )
    y = x @ weight
    return y + p["bias"] if "bias" in p else y


def embedding(p: Parameters, indices: Any) -> Any:
    """Rows of ``weight``, (count, features), by their numbers; the features stand last.

    Raises `ArgumentError` for indices that are no integers, and `IndexError` for one outside
    the table. A negative index counts from the end, as everywhere in NumPy.

    >>> embedding({"weight": np.eye(3)}, np.array([2, 0]))
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    indices = indices if hasattr(indices, "dtype") else np.asarray(indices)
    if indices.dtype.kind not in "iu":
        raise ArgumentError(
            f"embedding: indices have dtype {indices.dtype}. Give integers, the numbers of rows."
        )
    return parameter(p, "weight", "embedding")[indices]


def layer_norm(p: Parameters, x: Any, eps: float = 1e-5) -> Any:
    """``(x − mean) / √(variance + eps)`` over the last axes, times ``weight``, plus ``bias``.

    As many axes as ``weight`` has; one where ``p`` is empty. The variance is that of the
    examples as they are, divided by their number (Ba, Kiros and Hinton, 2016).

    >>> layer_norm({}, np.array([1.0, 3.0]), eps=0.0)
    array([-1.,  1.])
    """
    axes = _normalised(p, x, "layer_norm")
    centred = x - np.mean(x, axis=axes, keepdims=True)
    variance = np.mean(centred * centred, axis=axes, keepdims=True)
    return _scaled(p, centred / np.sqrt(variance + eps))


def rms_norm(p: Parameters, x: Any, eps: float = 1e-5) -> Any:
    """``x / √(mean(x²) + eps)`` over the last axes, times ``weight`` (Zhang and Sennrich, 2019).

    >>> rms_norm({}, np.array([3.0, 4.0]), eps=0.0) * np.sqrt(12.5)
    array([3., 4.])
    """
    axes = _normalised(p, x, "rms_norm")
    return _scaled(p, x / np.sqrt(np.mean(x * x, axis=axes, keepdims=True) + eps))


def dropout(x: Any, rate: float = 0.5, rng: np.random.Generator | None = None) -> Any:
    """Each number 0 with probability ``rate``, and else divided by ``1 − rate``.

    Without a generator, to evaluate, it is ``x`` itself (Srivastava et al., 2014). Raises
    `ArgumentError` where the rate is not in [0, 1).

    >>> dropout(np.ones(6), 0.5, np.random.default_rng(0))
    array([2., 0., 0., 0., 2., 2.])
    """
    if not 0.0 <= rate < 1.0:
        raise ArgumentError(f"dropout: rate is {rate}. Give the part to drop, from 0 to below 1.")
    if rng is None or rate == 0.0:
        return x
    if not hasattr(rng, "random"):
        raise ArgumentError(
            f"dropout: rng is a {type(rng).__name__}. Give np.random.default_rng(seed)."
        )
    return np.where(rng.random(np.shape(x)) >= rate, x / (1.0 - rate), 0.0)


def parameter(p: Parameters, name: str, layer: str) -> Any:
    """One of the parameters of a layer.

    Raises `ArgumentError` where it is not there.
    """
    try:
        return p[name]
    except (KeyError, TypeError, IndexError):
        given: Any = p
        is_dict = isinstance(given, Mapping)
        has = ", ".join(map(repr, given)) or "none" if is_dict else f"a {type(given).__name__}"
        raise ArgumentError(
            f"{layer}: the parameters ({has}) are without {name!r}. Give a dict of arrays, such as "
            f"init_{layer} makes."
        ) from None


def _normalised(p: Parameters, x: Any, layer: str) -> tuple[int, ...]:
    shape = next((np.shape(p[name]) for name in ("weight", "bias") if name in p), np.shape(x)[-1:])
    if not shape or np.shape(x)[-len(shape) :] != shape:
        raise ShapeMismatch(
            f"{layer}: x has shape {np.shape(x)}, which does not end in {shape}, the shape of the "
            "parameters. The features stand last."
        )
    return tuple(range(-len(shape), 0))


def _scaled(p: Parameters, y: Any) -> Any:
    y = y * p["weight"] if "weight" in p else y
    return y + p["bias"] if "bias" in p else y
