"""Where training starts: random arrays, and the parameters of whole layers.

Each draws from the generator that it is given, and from nothing else. A matrix is (inputs,
outputs), as `linear` has it; an array with more axes is a kernel, (outputs, inputs, …).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError

Shape = int | Sequence[int]
Initialiser = Callable[[np.random.Generator, Shape], np.ndarray]


def zeros(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Zeros; the generator is not used.

    >>> zeros(np.random.default_rng(0), 2)
    array([0., 0.])
    """
    return np.zeros(shape)


def ones(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Ones; the generator is not used.

    >>> ones(np.random.default_rng(0), 2)
    array([1., 1.])
    """
    return np.ones(shape)


def glorot_uniform(rng: np.random.Generator, shape: Shape, gain: float = 1.0) -> np.ndarray:
    """Uniform, of variance ``2 gain² / (inputs + outputs)`` (Glorot and Bengio, 2010).

    >>> bool(np.max(np.abs(glorot_uniform(np.random.default_rng(0), (40, 20)))) < np.sqrt(6 / 60))
    True
    """
    return _uniform(rng, shape, gain * math.sqrt(2.0 / sum(fans(shape))))


def glorot_normal(rng: np.random.Generator, shape: Shape, gain: float = 1.0) -> np.ndarray:
    """Normal, of variance ``2 gain² / (inputs + outputs)``.

    >>> round(float(np.std(glorot_normal(np.random.default_rng(0), (300, 500)))), 3)
    0.05
    """
    return rng.standard_normal(shape) * (gain * math.sqrt(2.0 / sum(fans(shape))))


def he_uniform(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Uniform, of variance ``2 / inputs``, for relu (He et al., 2015).

    >>> bool(np.max(np.abs(he_uniform(np.random.default_rng(0), (24, 20)))) < 0.5)
    True
    """
    return _uniform(rng, shape, math.sqrt(2.0 / fans(shape)[0]))


def he_normal(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Normal, of variance ``2 / inputs``, for relu.

    >>> round(float(np.std(he_normal(np.random.default_rng(0), (800, 200)))), 3)
    0.05
    """
    return rng.standard_normal(shape) * math.sqrt(2.0 / fans(shape)[0])


def lecun_uniform(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Uniform, of variance ``1 / inputs`` (LeCun et al., 1998).

    >>> bool(np.max(np.abs(lecun_uniform(np.random.default_rng(0), (12, 20)))) < 0.5)
    True
    """
    return _uniform(rng, shape, math.sqrt(1.0 / fans(shape)[0]))


def lecun_normal(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Normal, of variance ``1 / inputs``.

    >>> round(float(np.std(lecun_normal(np.random.default_rng(0), (400, 400)))), 3)
    0.05
    """
    return rng.standard_normal(shape) * math.sqrt(1.0 / fans(shape)[0])


def orthogonal(rng: np.random.Generator, shape: Shape, gain: float = 1.0) -> np.ndarray:
    """Rows or columns, whichever are fewer, at right angles and of length ``gain``.

    A kernel is taken as a matrix of (outputs, all the rest) (Saxe, McClelland and Ganguli, 2014).

    >>> Q = orthogonal(np.random.default_rng(0), (5, 3))
    >>> bool(np.allclose(Q.T @ Q, np.eye(3)))
    True
    """
    rows, *rest = _several(shape, "orthogonal")
    columns = math.prod(rest)
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    # The signs of the diagonal decide which of the equal factorisations it is: without them, the
    # matrices would not be uniformly distributed (Mezzadri, 2007).
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return gain * (q if rows >= columns else q.T).reshape(rows, *rest)


def fans(shape: Shape) -> tuple[int, int]:
    """How many inputs an output depends on, and how many outputs an input goes to.

    >>> fans((64, 10)), fans((16, 3, 5, 5))
    ((64, 10), (75, 400))
    """
    one, other, *kernel = _several(shape, "an initialiser")
    size = math.prod(kernel)
    if kernel:
        one, other = other, one
    if not one * size:
        raise ArgumentError(f"an initialiser: shape {tuple(_sizes(shape))} has no inputs.")
    return one * size, other * size


def init_linear(
    rng: np.random.Generator,
    inputs: int,
    outputs: int,
    weight: Initialiser = he_normal,
    *,
    bias: bool = True,
) -> dict[str, Any]:
    """Parameters of `linear`: a weight as ``weight`` draws it, and a bias of zeros.

    >>> {name: p.shape for name, p in init_linear(np.random.default_rng(0), 4, 3).items()}
    {'weight': (4, 3), 'bias': (3,)}
    """
    p = {"weight": weight(rng, (inputs, outputs))}
    return {**p, "bias": np.zeros(outputs)} if bias else p


def init_conv2d(
    rng: np.random.Generator,
    inputs: int,
    outputs: int,
    size: int | tuple[int, int],
    weight: Initialiser = he_normal,
    *,
    bias: bool = True,
) -> dict[str, Any]:
    """Parameters of `conv2d`, for a kernel of ``size``.

    >>> {name: p.shape for name, p in init_conv2d(np.random.default_rng(0), 3, 8, 5).items()}
    {'weight': (8, 3, 5, 5), 'bias': (8,)}
    """
    kernel = size if isinstance(size, tuple) else (size, size)
    p = {"weight": weight(rng, (outputs, inputs, *kernel))}
    return {**p, "bias": np.zeros(outputs)} if bias else p


def init_embedding(rng: np.random.Generator, count: int, features: int) -> dict[str, Any]:
    """Parameters of `embedding`: standard normal numbers.

    >>> init_embedding(np.random.default_rng(0), 100, 8)["weight"].shape
    (100, 8)
    """
    return {"weight": rng.standard_normal((count, features))}


def init_batch_norm(features: int) -> dict[str, Any]:
    """Parameters of `batch_norm` that change nothing: ones and zeros.

    >>> init_batch_norm(2)
    {'weight': array([1., 1.]), 'bias': array([0., 0.])}
    """
    return {"weight": np.ones(features), "bias": np.zeros(features)}


def init_layer_norm(features: Shape) -> dict[str, Any]:
    """Parameters of `layer_norm` that change nothing: ones and zeros.

    >>> init_layer_norm(2)
    {'weight': array([1., 1.]), 'bias': array([0., 0.])}
    """
    return {"weight": np.ones(features), "bias": np.zeros(features)}


def init_multi_head_attention(
    rng: np.random.Generator, features: int, weight: Initialiser = glorot_uniform
) -> dict[str, Any]:
    """Parameters of `multi_head_attention`: four linear layers.

    >>> list(init_multi_head_attention(np.random.default_rng(0), 8))
    ['query', 'key', 'value', 'output']
    """
    parts = ("query", "key", "value", "output")
    return {part: init_linear(rng, features, features, weight) for part in parts}


def _uniform(rng: np.random.Generator, shape: Shape, deviation: float) -> np.ndarray:
    bound = math.sqrt(3.0) * deviation
    return rng.uniform(-bound, bound, shape)


def _several(shape: Shape, what: str) -> list[int]:
    sizes = _sizes(shape)
    if len(sizes) < 2:
        raise ArgumentError(
            f"{what}: shape {tuple(sizes)} has fewer than two axes. Give (inputs, outputs), or that "
            "of a kernel; biases start from zeros."
        )
    return sizes


def _sizes(shape: Shape) -> list[int]:
    return [int(shape)] if isinstance(shape, int | np.integer) else [int(n) for n in shape]
