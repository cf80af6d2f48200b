"""Gradient transformations: the parts that optimisers are made of.

A transformation is a pair of functions. ``init(params)`` makes its state; ``update(grads, state,
params)`` returns ``(updates, state)``. `chain` puts several one after the other, and the updates
that come out last are added to the parameters by `apply_updates`. The shape of this is optax's
(DeepMind 2020); the numbers are PyTorch's.

State is a tree of arrays and NumPy numbers, and nothing else, so that a whole step of training
(loss, gradient, clipping, schedule, update) is one function of arrays, which `jit` compiles once.

>>> import chainrule as cr
>>> from chainrule import optim
>>> optimizer = optim.chain(optim.clip_by_global_norm(1.0), optim.sgd(0.5))
>>> params = np.array([3.0, 4.0])
>>> state = optimizer.init(params)
>>> @cr.jit
... def step(params, state):
...     loss, grads = cr.value_and_grad(lambda w: np.sum(w**2))(params)
...     updates, state = optimizer.update(grads, state, params)
...     return optim.apply_updates(params, updates), state, loss
>>> params, state, loss = step(params, state)
>>> params, float(loss)
(array([2.7, 3.6]), 25.0)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError
from ..trace.tree import flatten
from .trees import cast, global_norm, tree_map

#: A number, or a function of the number of the step, which counts from 0.
Schedule = Callable[[Any], Any]
Rate = float | Schedule


class GradientTransformation(NamedTuple):
    """A pair of functions: ``init(params) -> state``, ``update(grads, state, params)``.

    ``update`` returns ``(updates, state)``, the updates nested as the gradients are. Any such pair
    of your own can stand in a `chain`.

    >>> halve = GradientTransformation(
    ...     init=lambda params: (),
    ...     update=lambda grads, state, params=None: (tree_map(lambda g: g / 2, grads), state),
    ... )
    >>> halve.update({"w": 4.0}, halve.init({"w": 1.0}))
    ({'w': 2.0}, ())
    """

    init: Callable[[Any], Any]
    update: Callable[..., tuple[Any, Any]]


class Rated(GradientTransformation):
    """A pair that also tells its learning rate, for `fit` to show and to record."""

    learning_rate: Rate


def rated(pair: GradientTransformation, learning_rate: Rate) -> Rated:
    """The pair, with the learning rate that is in it."""
    made = Rated(*pair)
    made.learning_rate = learning_rate
    return made


class Count(NamedTuple):
    """The state of what depends on the number of the step alone: a NumPy integer, from 0."""

    count: Any


def apply_updates(params: Any, updates: Any) -> Any:
    """``params + updates``, leaf by leaf; each leaf keeps its dtype.

    Raises `ArgumentError` where the updates are nested otherwise than the parameters.

    >>> apply_updates({"w": np.array([1.0, 2.0])}, {"w": np.array([0.5, -0.5])})
    {'w': array([1.5, 1.5])}
    """
    return tree_map(lambda p, u: p + cast(u, p), params, updates, what="the updates")


def chain(*transformations: GradientTransformation) -> GradientTransformation:
    """Transformations one after the other: each is given the updates of the one before.

    The state is the tuple of their states.

    >>> optimizer = chain(clip_by_value(1.0), scale(-0.1))
    >>> optimizer.update(np.array([5.0, -0.5]), optimizer.init(np.zeros(2)))[0]
    array([-0.1 ,  0.05])
    """
    for k, part in enumerate(transformations):
        if not (hasattr(part, "init") and hasattr(part, "update")):
            raise ArgumentError(
                f"chain: argument {k} is a {type(part).__name__}, not a gradient transformation. "
                "Give what sgd(0.1), clip_by_value(1.0) and their kin return."
            )

    def init(params: Any) -> tuple[Any, ...]:
        return tuple([part.init(params) for part in transformations])

    def update(grads: Any, state: Any, params: Any = None) -> tuple[Any, tuple[Any, ...]]:
        after = []
        for part, own in zip(transformations, state, strict=True):
            grads, own = part.update(grads, own, params)
            after.append(own)
        return grads, tuple(after)

    whole = GradientTransformation(init, update)
    rates = [part.learning_rate for part in transformations if isinstance(part, Rated)]
    return rated(whole, rates[-1]) if rates else whole


def stateless(f: Callable[[Any, Any], Any]) -> GradientTransformation:
    """The transformation without state that makes ``f(grads, params)`` of the gradients.

    >>> import chainrule.optim as optim
    >>> sign = stateless(lambda grads, params: optim.tree_map(np.sign, grads))
    >>> sign.update(np.array([3.0, -2.0]), ())[0]
    array([ 1., -1.])
    """
    return GradientTransformation(
        lambda params: (), lambda grads, state, params=None: (f(grads, params), state)
    )


def scale(factor: float) -> GradientTransformation:
    """Updates times a number. ``scale(-0.1)`` is gradient descent.

    >>> scale(-0.1).update(np.array([1.0, 2.0]), ())[0]
    array([-0.1, -0.2])
    """
    return stateless(lambda grads, params: tree_map(lambda g: g * factor, grads))


def scale_by_schedule(schedule: Schedule) -> GradientTransformation:
    """Updates times a function of the number of the step, which counts from 0.

    >>> slower = scale_by_schedule(lambda step: -1.0 / (step + 1))
    >>> state = slower.init(0.0)
    >>> for _ in range(3):
    ...     update, state = slower.update(np.float64(6.0), state)
    ...     print(float(update))
    -6.0
    -3.0
    -2.0
    """
    if not callable(schedule):
        raise ArgumentError(
            f"scale_by_schedule takes a function of the step, and was given {schedule!r}. "
            "For a number write scale(…)."
        )

    def update(grads: Any, state: Count, params: Any = None) -> tuple[Any, Count]:
        factor = schedule(state.count)
        return tree_map(lambda g: g * cast(factor, g), grads), Count(state.count + 1)

    return GradientTransformation(lambda params: Count(np.int64(0)), update)


def scale_by_learning_rate(learning_rate: Rate) -> GradientTransformation:
    """Updates times minus the learning rate, a number or a function of the step.

    >>> scale_by_learning_rate(0.1).update(np.array([1.0, 2.0]), ())[0]
    array([-0.1, -0.2])
    """
    if callable(learning_rate):
        rate = learning_rate
        return rated(scale_by_schedule(lambda step: -rate(step)), rate)
    number = checked("learning_rate", learning_rate)
    return rated(scale(-number), number)


def clip_by_value(limit: float) -> GradientTransformation:
    """Each number of the gradient moved into ``[-limit, limit]`` (``clip_grad_value_``).

    >>> clip_by_value(1.0).update(np.array([5.0, -0.5]), ())[0]
    array([ 1. , -0.5])
    """
    checked("limit", limit, least=0.0)
    return stateless(
        lambda grads, params: tree_map(lambda g: np.minimum(np.maximum(g, -limit), limit), grads)
    )


def clip_by_global_norm(limit: float) -> GradientTransformation:
    """The gradient shortened to Euclidean norm ``limit`` over all parameters, if it is longer.

    The factor is ``min(1, limit / (norm + 1e-6))``, as in PyTorch's ``clip_grad_norm_``.

    >>> clip_by_global_norm(1.0).update({"w": np.array([3.0]), "b": np.float64(4.0)}, ())[0]
    {'w': array([0.6]), 'b': np.float64(0.8)}
    """
    checked("limit", limit, least=0.0)

    def clip(grads: Any, params: Any) -> Any:
        factor = np.minimum(limit / (global_norm(grads) + 1e-6), 1.0)
        return tree_map(lambda g: g * cast(factor, g), grads)

    return stateless(clip)


def add_decayed_weights(weight_decay: float) -> GradientTransformation:
    """Gradients plus ``weight_decay`` times the parameters: the gradient of ½ λ ‖params‖².

    Raises `ArgumentError` when ``update`` is not given the parameters.

    >>> add_decayed_weights(0.1).update(np.zeros(2), (), np.array([1.0, 2.0]))[0]
    array([0.1, 0.2])
    """
    checked("weight_decay", weight_decay, least=0.0)

    def decay(grads: Any, params: Any) -> Any:
        if params is None and flatten(grads)[0]:
            raise ArgumentError(
                "weight decay needs the parameters. Write optimizer.update(grads, state, params)."
            )
        return tree_map(
            lambda g, p: g + weight_decay * p, grads, params, what="the gradients and parameters"
        )

    return stateless(decay)


def checked(name: str, value: Any, least: float = -np.inf, below: float = np.inf) -> float:
    """``value``, a number in ``[least, below)``; `ArgumentError` names the argument otherwise."""
    if not isinstance(value, int | float | np.number) or isinstance(value, bool):
        raise ArgumentError(f"{name} is {value!r}. Give a number.")
    if not least <= value < below:
        upper = f" and less than {below:g}" if below < np.inf else ""
        lower = f"at least {least:g}" if least > -np.inf else "finite"
        raise ArgumentError(f"{name} is {value!r}. Give a number that is {lower}{upper}.")
    return float(value)
