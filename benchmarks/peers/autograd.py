"""autograd: NumPy wrapped, evaluated operation by operation."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import autograd
import autograd.numpy as xp
import numpy as np
from workloads import Workload

from peers import Call


def push_ones(f: Callable[..., Any], x: tuple[Any], ones: tuple[Any]) -> tuple[Any, Any]:
    """Of a gradient, whose Jacobian is symmetric: reverse mode is forward mode."""
    pull, value = autograd.make_vjp(f)(*x)
    return value, pull(*ones)


CALCULUS = SimpleNamespace(
    xp=xp, grad=autograd.grad, jacobian=autograd.jacobian, hessian=autograd.hessian, jvp=push_ones
)


def make(w: Workload, args: tuple[Any, ...]) -> Call:
    derivative = w.derivative(CALCULUS)
    inputs = tuple(np.float64(a) if isinstance(a, float) else a for a in args)
    return Call(lambda: derivative(*inputs))
