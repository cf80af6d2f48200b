"""Losses: how far predictions are from what was observed, as one number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeMismatch
from .activations import log_softmax

_REDUCTIONS: dict[str, Callable[[Any], Any]] = {
    "mean": np.mean,
    "sum": np.sum,
    "none": lambda each: each,
}


def mse(prediction: Any, target: Any, reduction: str = "mean") -> Any:
    """The mean squared error; ``reduction`` is ``"mean"``, ``"sum"`` or ``"none"``.

    Raises `ShapeMismatch` where the shapes differ: (n, 1) less (n,) would be an n by n table.

    >>> mse(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    np.float64(2.0)
    """
    _same_shape("mse", prediction=prediction, target=target)
    return _reduced((prediction - target) ** 2, reduction, "mse")


def cross_entropy(
    logits: Any,
    target: Any,
    axis: int = -1,
    *,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Any:
    """``−Σ target · log softmax(logits)`` along the axis of the classes, the mean over the rest.

    Parameters
    ----------
    logits
        Scores, one for each class along ``axis``.
    target
        Labels: integers, shaped like ``logits`` without that axis. Or probabilities, shaped like
        ``logits``.
    label_smoothing
        The part of the probability that is spread evenly over all classes.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"`` for one number for each example.

    Raises
    ------
    ArgumentError, ShapeMismatch
        Where a label is not the number of a class, or shapes do not fit.

    >>> cross_entropy(np.array([[0.0, 0.0], [0.0, 1000.0]]), np.array([1, 1]))
    np.float64(0.34657359027997264)
    """
    ndim = int(np.ndim(logits))
    if not -ndim <= axis < ndim:
        raise ArgumentError(
            f"cross_entropy: axis is {axis}, and logits of shape {np.shape(logits)} have none such."
        )
    axis = axis % ndim
    if not 0.0 <= label_smoothing <= 1.0:
        raise ArgumentError(
            f"cross_entropy: label_smoothing is {label_smoothing}. Give a part, from 0 to 1."
        )
    target = target if hasattr(target, "dtype") else np.asarray(target)
    logs = log_softmax(logits, axis)
    if target.dtype.kind in "iub" and np.ndim(target) < ndim:
        picked = _at_labels(logs, target, axis)
    else:
        if np.shape(target) != np.shape(logits):
            raise ShapeMismatch(
                f"cross_entropy: logits have shape {np.shape(logits)} and target "
                f"{np.shape(target)}, of dtype {target.dtype}. Give labels as integers without the "
                "axis of the classes, or probabilities of the same shape."
            )
        picked = np.sum(target * logs, axis=axis)
    if label_smoothing:
        picked = (1.0 - label_smoothing) * picked + label_smoothing * np.mean(logs, axis=axis)
    return _reduced(-picked, reduction, "cross_entropy")


def binary_cross_entropy_with_logits(logits: Any, target: Any, reduction: str = "mean") -> Any:
    """``−t log σ(z) − (1 − t) log(1 − σ(z))`` for scores ``z`` and targets ``t`` in [0, 1].

    It is computed as ``t log(1 + e⁻ᶻ) + (1 − t) log(1 + eᶻ)``, without overflow or cancellation.

    >>> binary_cross_entropy_with_logits(np.array([0.0, 1000.0]), np.array([1.0, 1.0]))
    np.float64(0.34657359027997264)
    """
    _same_shape("binary_cross_entropy_with_logits", logits=logits, target=target)
    each = target * np.logaddexp(0.0, -logits) + (1.0 - target) * np.logaddexp(0.0, logits)
    return _reduced(each, reduction, "binary_cross_entropy_with_logits")


def _at_labels(logs: Any, labels: Any, axis: int) -> Any:
    """The numbers at the labels, along an axis."""
    shape = list(np.shape(logs))
    classes = shape.pop(axis)
    if list(np.shape(labels)) != shape:
        raise ShapeMismatch(
            f"cross_entropy: logits have shape {np.shape(logs)} and labels {np.shape(labels)}. Give "
            f"one label for each example, {tuple(shape)}."
        )
    # Compiled, this is a check at each call: a label of −1 would be the last class in silence.
    if np.any(labels < 0) or np.any(labels >= classes):
        raise ArgumentError(
            f"cross_entropy: a label is not among the {classes} classes, which are numbered from 0 "
            f"to {classes - 1}. Leave such examples out."
        )
    labels = labels.astype(np.intp)  # booleans would be a mask
    rows = np.moveaxis(logs, axis, -1) if axis != np.ndim(logs) - 1 else logs
    if np.ndim(logs) == 2:
        return rows[np.arange(np.shape(rows)[0]), labels]
    rows = rows.reshape(-1, classes)
    picked = rows[np.arange(np.shape(rows)[0]), labels.reshape(-1)]
    return picked.reshape(np.shape(labels))


def _same_shape(loss: str, **given: Any) -> None:
    (one, first), (other, second) = given.items()
    if np.shape(first) != np.shape(second):
        raise ShapeMismatch(
            f"{loss}: {one} has shape {np.shape(first)} and {other} {np.shape(second)}. Give both the "
            "same shape, by reshape or [:, None]."
        )


def _reduced(each: Any, reduction: str, loss: str) -> Any:
    if reduction not in _REDUCTIONS:
        raise ArgumentError(
            f"{loss}: reduction is {reduction!r}. Write one of {', '.join(map(repr, _REDUCTIONS))}."
        )
    if reduction == "mean" and not np.size(each):
        raise ArgumentError(f"{loss}: there are no examples, so there is no mean. Give at least one.")
    return _REDUCTIONS[reduction](each)
