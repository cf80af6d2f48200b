"""The tools side by side: each makes a call out of a workload, or says that it cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np


class Unsupported(Exception):
    """The tool has no such derivative, or none that anybody would use."""


@dataclass
class Call:
    """A derivative ready to be evaluated: its inputs are native to the tool, and resident."""

    run: Callable[[], Any]
    #: The result of ``run`` as (nested) NumPy arrays; not timed.
    read: Callable[[Any], Any] = lambda result: result
    #: The seconds of so many calls, for a tool that counts them itself.
    repeat: Callable[[int], float] | None = None
    #: What must stay in memory meanwhile.
    keeps: Any = None


def leaves(value: Any) -> Iterator[Any]:
    """The arrays and numbers of a nested value, in order."""
    if isinstance(value, list | tuple):
        for part in value:
            yield from leaves(part)
    else:
        yield value


def flat(value: Any) -> np.ndarray:
    """All numbers of a nested result, in one row."""
    return np.concatenate([np.asarray(a, float).reshape(-1) for a in leaves(value)])


@dataclass(frozen=True)
class Tool:
    """A column: ``make`` of module ``peers.<module>`` turns a workload and its data into a call."""

    heading: str
    module: str
    make: str
    package: str
    about: str
    usual: bool = True  # measured without being asked for
    peer: str = ""  # "call" or "bound": what it is compared with
    environment: tuple[tuple[str, str], ...] = ()  # of its process

    @property
    def installed(self) -> bool:
        return find_spec(self.package) is not None

    def builder(self) -> Callable[..., Call]:
        make: Callable[..., Call] = getattr(import_module(f"peers.{self.module}"), self.make)
        return make


#: By the names of ``--tools``, in the order of the columns.
TOOLS: dict[str, Tool] = {
    "jit": Tool("chainrule jit", "chainrule", "jit", "chainrule", "jit(grad(f))(…)"),
    "bound": Tool("chainrule bound", "chainrule", "bound", "chainrule", "jit(grad(f)).bind(…)()"),
    "tiers": Tool("chainrule", "chainrule", "plain", "chainrule", "grad(f)(…), compiled in the background when hot"),
    "plain": Tool("chainrule, NumPy", "chainrule", "plain", "chainrule", "grad(f)(…), never compiled", environment=(("CHAINRULE_TIERS", "off"),)),
    "objective": Tool("objective, jit", "chainrule", "objective", "chainrule", "jit(f)(…)"),
    "c": Tool("C", "c", "make", "ctypes", "limit.c, the arithmetic by itself"),
    "ctypes": Tool("C by ctypes", "c", "called", "ctypes", "limit.c, called from Python"),
    "numpy": Tool("NumPy by hand", "hand", "make", "numpy", "closed forms, the truth of all", peer="call"),
    "jax": Tool("JAX jit", "jax", "jit", "jax", "jax.jit(jax.grad(f))(…)", peer="call"),
    "torch": Tool("PyTorch", "torch", "eager", "torch", "torch.autograd.grad", peer="call"),
    "autograd": Tool("autograd", "autograd", "make", "autograd", "autograd.grad(f)", peer="call"),
    "casadi": Tool("CasADi", "casadi", "call", "casadi", "its own expressions, called with DM", peer="call"),
    "casadi-bound": Tool("CasADi bound", "casadi", "bound", "casadi", "the same on fixed buffers", peer="bound"),
    "casadi-c": Tool("CasADi C bound", "casadi", "compiled", "casadi", "the same as compiled C", peer="bound"),
    "numba": Tool("numba", "numba", "make", "numba", "loops by hand, njit(fastmath=True)", peer="call"),
    "compile": Tool("torch.compile", "torch", "compiled", "torch", "torch.compile", usual=False, peer="call"),
    "jax-eager": Tool("JAX, no jit", "jax", "eager", "jax", "jax.grad(f)(…)", usual=False, peer="call"),
    "differences": Tool("SciPy differences", "hand", "differences", "scipy", "approx_fprime", usual=False, peer="call"),
}  # fmt: skip
