"""Layers one after the other, as one function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ..errors import ArgumentError

Layer = Callable[..., Any] | tuple[str, Callable[..., Any]]


def sequential(*layers: Layer) -> Callable[..., Any]:
    """A function ``network(params, x, rng=None)`` that applies the layers in turn.

    A pair ``(name, layer)`` is applied as ``layer(params[name], x)``, any other function as
    ``layer(x)``. A layer with an argument named ``rng``, such as `dropout`, is given the network's;
    without one, it does what it does to evaluate. A network is a layer like any other, so networks
    nest.

    Raises `ArgumentError` where a layer is neither, and where two have the same name.

    >>> import numpy as np
    >>> from functools import partial
    >>> from chainrule import nn
    >>> network = nn.sequential(
    ...     ("hidden", nn.linear), nn.relu, partial(nn.dropout, rate=0.2), ("out", nn.linear)
    ... )
    >>> rng = np.random.default_rng(0)
    >>> params = {"hidden": nn.init_linear(rng, 4, 8), "out": nn.init_linear(rng, 8, 3)}
    >>> network(params, np.ones((5, 4))).shape, network(params, np.ones((5, 4)), rng).shape
    ((5, 3), (5, 3))
    """
    steps: list[tuple[str | None, Callable[..., Any], bool]] = []
    for k, layer in enumerate(layers):
        name: Any = None
        function: Any = layer
        if isinstance(layer, tuple) and len(layer) == 2:
            name, function = layer
        if not callable(function) or not isinstance(name, str | None):
            raise ArgumentError(
                f"sequential: layer {k} is {layer!r}. Give a function of x, or a pair of a name and "
                "a function of parameters and x."
            )
        if name is not None and any(name == other for other, *_ in steps):
            raise ArgumentError(
                f"sequential: two layers are named {name!r}. Give each a name of its own."
            )
        steps.append((name, function, _draws(function)))

    def network(params: Any, x: Any, rng: Any = None) -> Any:
        for name, function, draws in steps:
            given = (x,) if name is None else (_of(params, name), x)
            x = function(*given, rng=rng) if draws else function(*given)
        return x

    return network


def _draws(function: Callable[..., Any]) -> bool:
    try:
        return "rng" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # NumPy's ufuncs have no signature
        return False


def _of(params: Any, name: str) -> Any:
    try:
        return params[name]
    except (KeyError, TypeError, IndexError):
        raise ArgumentError(
            f"sequential: there are no parameters named {name!r}. Give a dict with one entry for "
            "each named layer."
        ) from None
