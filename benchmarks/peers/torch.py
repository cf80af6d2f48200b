"""PyTorch, operation by operation and through ``torch.compile``."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from objectives import RATE
from workloads import Workload

from peers import Call

torch.set_num_threads(1)

Compiler = Callable[[Callable[..., Any]], Callable[..., Any]]


class _NumPyNames:
    """torch by NumPy's names, where its own differ."""

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)

    @staticmethod
    def maximum(a: Any, b: Any) -> Any:
        return torch.maximum(a, b) if torch.is_tensor(b) else torch.clamp_min(a, b)

    @staticmethod
    def max(a: Any, axis: int | None = None, keepdims: bool = False) -> Any:
        return torch.max(a) if axis is None else torch.amax(a, axis, keepdims)

    @staticmethod
    def min(a: Any, axis: int) -> Any:
        return torch.amin(a, axis)

    @staticmethod
    def sum(a: Any, axis: int | None = None) -> Any:
        return torch.sum(a) if axis is None else torch.sum(a, axis)


XP = _NumPyNames()


def native(a: Any) -> Any:
    """Tensors of their own memory, float64 for a number."""
    if isinstance(a, list):
        return [native(b) for b in a]
    return torch.tensor(np.asarray(a))


def _gradient(w: Workload, args: tuple[Any, ...], compiler: Compiler) -> Call:
    f = compiler(w.function(XP))
    chosen = [w.wrt] if isinstance(w.wrt, int) else w.wrt
    inputs = [native(a) for a in args]
    wanted = [inputs[i].requires_grad_() for i in chosen]
    return Call(lambda: torch.autograd.grad(f(*inputs), wanted))


def _step(w: Workload, args: tuple[Any, ...], compiler: Compiler) -> Call:
    """Its own optimizers, which work in place: they go on from step to step."""
    p, X, y = (native(a) for a in w.primal_args(args))
    for a in p:
        a.requires_grad_()
    optimizer: torch.optim.Optimizer
    if w.kind == "SGD step":
        optimizer = torch.optim.SGD(p, RATE)
    else:
        optimizer = torch.optim.Adam(p, RATE, eps=1e-8, fused=compiler is _as_is)
        _, m, v, t, *_ = args
        for a, first, second in zip(p, m, v, strict=True):
            moments = {"exp_avg": native(first), "exp_avg_sq": native(second)}
            optimizer.state[a] = {"step": native(t - 1.0), **moments}
    f = compiler(w.function(XP))
    advance = compiler(optimizer.step)

    def run() -> None:
        optimizer.zero_grad(set_to_none=True)
        f(p, X, y).backward()
        advance()

    def read(_: None) -> Any:
        state = [optimizer.state[a] for a in p if "exp_avg" in optimizer.state[a]]
        moments = [[s[name] for s in state] for name in ("exp_avg", "exp_avg_sq") if state]
        return [[a.detach() for a in p], *moments]

    return Call(run, read)


def _transformed(w: Workload, args: tuple[Any, ...], compiler: Compiler) -> Call:
    calculus = SimpleNamespace(
        xp=XP,
        grad=torch.func.grad,
        jacobian=torch.func.jacrev,
        hessian=torch.func.hessian,
        jvp=torch.func.jvp,
    )
    derivative = compiler(w.derivative(calculus))
    inputs = [native(a) for a in args]
    return Call(lambda: derivative(*inputs))


def _make(w: Workload, args: tuple[Any, ...], compiler: Compiler) -> Call:
    ways = {"gradient": _gradient, "SGD step": _step, "Adam step": _step}
    return ways.get(w.kind, _transformed)(w, args, compiler)


def _as_is(f: Callable[..., Any]) -> Callable[..., Any]:
    return f


def _compiled(f: Callable[..., Any]) -> Callable[..., Any]:
    compiled: Callable[..., Any] = torch.compile(f, dynamic=False)
    return compiled


def eager(w: Workload, args: tuple[Any, ...]) -> Call:
    return _make(w, args, _as_is)


def compiled(w: Workload, args: tuple[Any, ...]) -> Call:
    torch._dynamo.reset()  # noqa: SLF001
    return _make(w, args, _compiled)
