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


def batch_norm(p: Parameters, x: Any, axis: int = -1, eps: float = 1e-5) -> Any:
    """``(x − mean) / √(variance + eps)`` over the examples, times ``weight``, plus ``bias``.

    The features stand along ``axis``, 1 for images; mean and variance are over all other axes (Ioffe
    and Szegedy, 2015). They are those of the batch, unless ``p`` has them, as ``mean`` and
    ``variance``: so a network is evaluated, ``p | batch_statistics(x)``. Raises `ShapeMismatch` where a
    parameter has another number of features, and `ArgumentError` for a batch of one example.

    >>> batch_norm({}, np.array([[1.0], [3.0]]), eps=0.0).ravel()
    array([-1.,  1.])
    """
    features, others = _over(x, axis, "batch_norm")
    for name in ("weight", "bias", "mean", "variance"):
        if name in p and np.shape(p[name]) != (features,):
            raise ShapeMismatch(
                f"batch_norm: x has {features} features along axis {axis}, and {name} has shape "
                f"{np.shape(p[name])}. Give one number for each; axis=1 is the place of an image's."
            )
    along = [1] * np.ndim(x)
    along[axis] = features
    if "mean" in p and "variance" in p:
        centred, variance = x - p["mean"].reshape(along), p["variance"].reshape(along)
    else:
        if np.size(x) <= features:
            raise ArgumentError(
                "batch_norm: a batch of one example has no variance. Give more, or p with the mean and "
                "the variance of batch_statistics."
            )
        centred = x - np.mean(x, axis=others, keepdims=True)
        variance = np.mean(centred * centred, axis=others, keepdims=True)
    y = centred / np.sqrt(variance + eps)
    y = y * p["weight"].reshape(along) if "weight" in p else y
    return y + p["bias"].reshape(along) if "bias" in p else y


def batch_statistics(x: Any, axis: int = -1) -> dict[str, Any]:
    """The ``mean`` and the unbiased ``variance`` of each feature, by which `batch_norm` evaluates.

    ``x`` is what the layer is given, of all training data or of one batch; of several batches,
    average them.

    >>> batch_statistics(np.array([[1.0], [3.0]]))
    {'mean': array([2.]), 'variance': array([2.])}
    """
    _, others = _over(x, axis, "batch_statistics")
    return {"mean": np.mean(x, axis=others), "variance": np.var(x, axis=others, ddof=1)}


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


def _over(x: Any, axis: int, layer: str) -> tuple[int, tuple[int, ...]]:
    """How many features stand along an axis, and the other axes."""
    ndim = int(np.ndim(x))
    if ndim < 2 or not -ndim <= axis < ndim:
        raise ShapeMismatch(
            f"{layer}: x has shape {np.shape(x)}, without examples or without axis {axis}. Give "
            "(examples, features), or images and axis=1."
        )
    return np.shape(x)[axis], tuple(k for k in range(ndim) if k != axis % ndim)


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
