"""The optimisers of training: SGD, Adam, AdamW, RMSProp, Adagrad.

Each is a `GradientTransformation` whose updates are to be added to the parameters. Arguments,
defaults and arithmetic (where epsilon stands, how bias is corrected, what decays) are those of
``torch.optim``; tests hold them to 1e-12 over 100 steps.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError
from .transformation import (
    GradientTransformation,
    Rate,
    add_decayed_weights,
    chain,
    checked,
    scale_by_learning_rate,
)
from .trees import cast, tree_map, zeros_like


class Momentum(NamedTuple):
    """The state of momentum: the number of steps taken, and the velocity of each parameter."""

    count: Any
    velocity: Any


class Moments(NamedTuple):
    """The state of Adam: steps taken, decaying means of the gradient and of its square."""

    count: Any
    mean: Any
    square: Any


class Squares(NamedTuple):
    """The state of RMSProp: decaying means of the gradient's square and, centred, of itself."""

    square: Any
    mean: Any


class Sums(NamedTuple):
    """The state of Adagrad: steps taken, and the sum of the gradient's squares."""

    count: Any
    square: Any


def sgd(
    learning_rate: Rate,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
) -> GradientTransformation:
    """Gradient descent, with momentum or Nesterov's.

    ``v ← momentum·v + (1 − dampening)·g``, the first ``v`` being ``g`` itself; the step is
    ``−rate·v``, with Nesterov's momentum ``−rate·(g + momentum·v)`` (Sutskever et al. 2013, in
    PyTorch's form). ``weight_decay·params`` is added to ``g`` first.

    Raises `ArgumentError` for numbers out of range, and for ``nesterov`` without momentum.

    >>> optimizer = sgd(0.1, momentum=0.9)
    >>> state = optimizer.init(np.zeros(2))
    >>> for _ in range(2):
    ...     updates, state = optimizer.update(np.array([1.0, -2.0]), state)
    ...     print(updates)
    [-0.1  0.2]
    [-0.19  0.38]
    """
    checked("momentum", momentum, least=0.0)
    if nesterov and (momentum == 0 or dampening != 0):
        raise ArgumentError(
            f"sgd: nesterov=True with momentum={momentum!r}, dampening={dampening!r}. "
            "Nesterov's method needs a momentum, such as 0.9, and no dampening."
        )
    parts = [add_decayed_weights(weight_decay)] if weight_decay else []
    if momentum:
        parts.append(_momentum(momentum, checked("dampening", dampening), nesterov))
    return chain(*parts, scale_by_learning_rate(learning_rate))


def _momentum(momentum: float, dampening: float, nesterov: bool) -> GradientTransformation:
    def init(params: Any) -> Momentum:
        return Momentum(np.int64(0), zeros_like(params))

    def update(grads: Any, state: Momentum, params: Any = None) -> tuple[Any, Momentum]:
        # The first velocity is the gradient, undampened.
        fresh = 1.0 - dampening * (state.count > 0) if dampening else 1.0
        velocity = tree_map(
            lambda v, g: momentum * v + cast(fresh, g) * g,
            state.velocity, grads, what="the gradients",
        )
        after = Momentum(state.count + 1, velocity)
        if not nesterov:
            return velocity, after
        return tree_map(lambda g, v: g + momentum * v, grads, velocity), after

    return GradientTransformation(init, update)


def adam(
    learning_rate: Rate = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> GradientTransformation:
    """Adam (Kingma and Ba 2015).

    ``m ← β₁m + (1−β₁)g``, ``v ← β₂v + (1−β₂)g²``; the step is ``−rate·m̂ / (√v̂ + ε)``, with
    ``m̂ = m/(1−β₁ᵗ)``, ``v̂ = v/(1−β₂ᵗ)``. ``weight_decay·params`` is added to ``g`` first; to
    decay the weights themselves, as is better, use `adamw`.

    Raises `ArgumentError` for numbers out of range.

    >>> optimizer = adam(0.1)
    >>> updates, state = optimizer.update(np.array([5.0, -1e-3]), optimizer.init(np.zeros(2)))
    >>> updates
    array([-0.1     ,  0.099999])
    """
    parts = [add_decayed_weights(weight_decay)] if weight_decay else []
    return chain(*parts, scale_by_adam(beta1, beta2, eps), scale_by_learning_rate(learning_rate))


def adamw(
    learning_rate: Rate = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
) -> GradientTransformation:
    """Adam with the decay apart from the gradient: a step of ``−rate·(m̂/(√v̂+ε) + λ·params)``.

    Loshchilov and Hutter (2019). ``update`` needs the parameters.

    Raises `ArgumentError` for numbers out of range.

    >>> optimizer, params = adamw(0.1, weight_decay=0.5), np.array([2.0])
    >>> optimizer.update(np.array([0.0]), optimizer.init(params), params)[0]
    array([-0.1])
    """
    return chain(
        scale_by_adam(beta1, beta2, eps),
        add_decayed_weights(weight_decay),
        scale_by_learning_rate(learning_rate),
    )


def scale_by_adam(
    beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8
) -> GradientTransformation:
    """Adam's direction ``m̂ / (√v̂ + ε)``, without a learning rate: see `adam`.

    >>> float(scale_by_adam().update(np.float64(4.0), scale_by_adam().init(0.0))[0])
    1.0
    """
    checked("beta1", beta1, least=0.0, below=1.0)
    checked("beta2", beta2, least=0.0, below=1.0)
    checked("eps", eps, least=0.0)

    def init(params: Any) -> Moments:
        return Moments(np.int64(0), zeros_like(params), zeros_like(params))

    def update(grads: Any, state: Moments, params: Any = None) -> tuple[Any, Moments]:
        count = state.count + 1
        mean = tree_map(
            lambda m, g: m + (1 - beta1) * (g - m), state.mean, grads, what="the gradients"
        )
        square = tree_map(lambda v, g: beta2 * v + (1 - beta2) * g * g, state.square, grads)
        debias = 1 - beta1 ** _real(count)
        root = np.sqrt(1 - beta2 ** _real(count))
        updates = tree_map(
            lambda m, v: m / cast(debias, m) / (np.sqrt(v) / cast(root, v) + eps), mean, square
        )
        return updates, Moments(count, mean, square)

    return GradientTransformation(init, update)


def rmsprop(
    learning_rate: Rate = 1e-2,
    decay: float = 0.99,
    eps: float = 1e-8,
    momentum: float = 0.0,
    centered: bool = False,
    weight_decay: float = 0.0,
) -> GradientTransformation:
    """RMSProp (Hinton 2012): a step of ``−rate·g / (√v + ε)``, ``v ← decay·v + (1−decay)·g²``.

    With ``centered``, ``v`` is reduced by the square of the gradient's own decaying mean (Graves
    2013). PyTorch calls ``decay`` alpha.

    Raises `ArgumentError` for numbers out of range.

    >>> optimizer = rmsprop(0.01)
    >>> optimizer.update(np.array([2.0]), optimizer.init(np.zeros(1)))[0]
    array([-0.1])
    """
    checked("decay", decay, least=0.0, below=1.0)
    checked("eps", eps, least=0.0)
    checked("momentum", momentum, least=0.0)

    def init(params: Any) -> Squares:
        return Squares(zeros_like(params), zeros_like(params) if centered else ())

    def update(grads: Any, state: Squares, params: Any = None) -> tuple[Any, Squares]:
        square = tree_map(
            lambda v, g: decay * v + (1 - decay) * g * g, state.square, grads, what="the gradients"
        )
        if not centered:
            updates = tree_map(lambda g, v: g / (np.sqrt(v) + eps), grads, square)
            return updates, Squares(square, ())
        mean = tree_map(lambda m, g: m + (1 - decay) * (g - m), state.mean, grads)
        updates = tree_map(
            lambda g, v, m: g / (np.sqrt(v - m * m) + eps), grads, square, mean
        )
        return updates, Squares(square, mean)

    parts = [add_decayed_weights(weight_decay)] if weight_decay else []
    parts.append(GradientTransformation(init, update))
    if momentum:
        parts.append(_momentum(momentum, 0.0, nesterov=False))
    return chain(*parts, scale_by_learning_rate(learning_rate))


def adagrad(
    learning_rate: Rate = 1e-2,
    learning_rate_decay: float = 0.0,
    weight_decay: float = 0.0,
    initial_accumulator: float = 0.0,
    eps: float = 1e-10,
) -> GradientTransformation:
    """Adagrad (Duchi et al. 2011): a step of ``−rate·g / (√Σg² + ε)``.

    The sum of squares starts at ``initial_accumulator``; the rate is divided by
    ``1 + step·learning_rate_decay``.

    Raises `ArgumentError` for numbers out of range.

    >>> optimizer = adagrad(0.1)
    >>> optimizer.update(np.array([2.0, -3.0]), optimizer.init(np.zeros(2)))[0]
    array([-0.1,  0.1])
    """
    for name, value in (
        ("learning_rate_decay", learning_rate_decay),
        ("initial_accumulator", initial_accumulator),
        ("eps", eps),
    ):
        checked(name, value, least=0.0)

    def init(params: Any) -> Sums:
        start = tree_map(lambda zero: zero + initial_accumulator, zeros_like(params))
        return Sums(np.int64(0), start)

    def update(grads: Any, state: Sums, params: Any = None) -> tuple[Any, Sums]:
        square = tree_map(lambda v, g: v + g * g, state.square, grads, what="the gradients")
        slower = 1 + learning_rate_decay * state.count
        updates = tree_map(
            lambda g, v: g / cast(slower, g) / (np.sqrt(v) + eps), grads, square
        )
        return updates, Sums(state.count + 1, square)

    parts = [add_decayed_weights(weight_decay)] if weight_decay else []
    return chain(
        *parts, GradientTransformation(init, update), scale_by_learning_rate(learning_rate)
    )


def _real(count: Any) -> Any:
    """The number of the step as a float64, for a power of it."""
    return count.astype(float) if hasattr(count, "astype") else float(count)
