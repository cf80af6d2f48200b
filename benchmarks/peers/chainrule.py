"""chainrule: compiled, bound to its buffers, as it is; and the objective alone, compiled."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import chainrule as cr
import numpy as np
from workloads import Workload

from peers import Call

CALCULUS = SimpleNamespace(
    xp=np, grad=cr.grad, jacobian=cr.jacobian, hessian=cr.hessian, jvp=cr.jvp
)


def plain(w: Workload, args: tuple[Any, ...]) -> Call:
    derivative = w.derivative(CALCULUS)
    return Call(lambda: derivative(*args))


def jit(w: Workload, args: tuple[Any, ...]) -> Call:
    derivative = cr.jit(w.derivative(CALCULUS))
    return Call(lambda: derivative(*args))


def bound(w: Workload, args: tuple[Any, ...]) -> Call:
    return Call(cr.jit(w.derivative(CALCULUS)).bind(*args))


def objective(w: Workload, args: tuple[Any, ...]) -> Call:
    f, inputs = cr.jit(w.function(np)), w.primal_args(args)
    return Call(lambda: f(*inputs))
