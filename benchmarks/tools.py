"""The tools side by side: each turns a workload into a call, or is absent."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from workloads import Workload

Call = Callable[[], Any]


def chainrule(w: Workload) -> Call:
    import chainrule as cr

    derive = {"gradient": cr.grad, "hessian": cr.hessian}[w.kind](w.make(np))
    return lambda: derive(*w.args)


def autograd(w: Workload) -> Call:
    import autograd as ag
    import autograd.numpy as xp

    derive = {"gradient": ag.grad, "hessian": ag.hessian}[w.kind](w.make(xp))
    return lambda: derive(*w.args)


def _jax(w: Workload, compiled: bool) -> Call:
    import jax

    jax.config.update("jax_enable_x64", True)
    derive = {"gradient": jax.grad, "hessian": jax.hessian}[w.kind](w.make(jax.numpy))
    args = [jax.numpy.asarray(a) for a in w.args]  # resident: no conversion is charged
    run = jax.jit(derive) if compiled else derive
    return lambda: np.asarray(run(*args))


def jax(w: Workload) -> Call:
    return _jax(w, compiled=False)


def jax_jit(w: Workload) -> Call:
    return _jax(w, compiled=True)


def torch(w: Workload) -> Call:
    import torch

    torch.set_num_threads(1)
    f = w.make(torch)
    args = [torch.tensor(np.asarray(a)) for a in w.args]
    x = args[0]
    if w.kind == "hessian":
        run = torch.func.hessian(f)
        return lambda: run(*args).numpy()

    def gradient() -> Any:
        leaf = x.detach().requires_grad_()
        f(leaf, *args[1:]).backward()
        return leaf.grad.numpy()

    return gradient


def finite_differences(w: Workload) -> Call | None:
    """SciPy's own, as ``minimize`` falls back to; twice over they have no digits left."""
    if w.kind != "gradient":
        return None
    from scipy.optimize import approx_fprime

    f = w.make(np)
    x = np.asarray(w.args[0])
    flat = x.reshape(-1)

    def value(v: np.ndarray) -> float:
        return float(f(v.reshape(x.shape), *w.args[1:]))

    def gradient(v: np.ndarray) -> np.ndarray:
        return np.asarray(approx_fprime(v, value, 1.5e-8))

    return lambda: gradient(flat).reshape(x.shape)


#: Column heading -> (the tool, the package it needs).
TOOLS: dict[str, tuple[Callable[[Workload], Call | None], str]] = {
    "chainrule": (chainrule, "chainrule"),
    "autograd": (autograd, "autograd"),
    "PyTorch": (torch, "torch"),
    "JAX": (jax, "jax"),
    "jax.jit": (jax_jit, "jax"),
    "SciPy differences": (finite_differences, "scipy"),
}


def present() -> dict[str, Callable[[Workload], Call | None]]:
    """The tools that are installed."""
    return {name: make for name, (make, package) in TOOLS.items() if find_spec(package)}
