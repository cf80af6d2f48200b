"""JAX: arrays stay on its device, a call ends when its result is there."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
from objectives import Function, lstm_step, rk4_step
from workloads import Workload

from peers import Call

jax.config.update("jax_enable_x64", True)
jnp.zeros(1).block_until_ready()  # the device is there before anything is timed

CALCULUS = SimpleNamespace(
    xp=jnp, grad=jax.grad, jacobian=jax.jacrev, hessian=jax.hessian, jvp=jax.jvp
)


def runge_kutta(steps: int) -> Function:
    def f(y: Any, mu: Any) -> Any:
        y, _ = jax.lax.scan(lambda y, _: (rk4_step(jnp, y, mu), None), y, None, length=steps)
        return jnp.sum(y * y)

    return f


def lstm() -> Function:
    def f(main: Any, extra: Any, state: Any, sequence: Any) -> Any:
        def step(states: Any, pair: Any) -> Any:
            return lstm_step(jnp, main, extra, states, *pair)

        states = [state[i] for i in range(len(state))]
        _, terms = jax.lax.scan(step, states, (sequence[:-1], sequence[1:]))
        return -jnp.sum(terms) / ((len(sequence) - 1) * sequence.shape[1])

    return f


#: Long loops as its users write them: unrolled, they do not compile in any useful time.
LOOPS: dict[str, Callable[..., Function]] = {"runge_kutta": runge_kutta, "lstm": lstm}


def _make(w: Workload, args: tuple[Any, ...], compiled: bool) -> Call:
    loop = LOOPS.get(w.objective) if compiled else None
    derivative = w.derivative(CALCULUS, loop(**w.constants) if loop else None)
    run = jax.jit(derivative) if compiled else derivative
    inputs = jax.tree.map(jnp.asarray, args)
    return Call(lambda: jax.block_until_ready(run(*inputs)))


def jit(w: Workload, args: tuple[Any, ...]) -> Call:
    return _make(w, args, compiled=True)


def eager(w: Workload, args: tuple[Any, ...]) -> Call:
    return _make(w, args, compiled=False)
