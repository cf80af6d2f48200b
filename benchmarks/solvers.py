"""The solvers: each makes, of a problem and a tolerance, a call that returns the point it ends at."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from minima import Problem, rosenbrock

Run = Callable[[], np.ndarray]
#: What a solver is told, loosest first: the first with which it gets there is the one that is timed.
TOLERANCES = (1e-8, 1e-9, 1e-10, 1e-12, 1e-14)


class NotForThis(Exception):
    """The solver does not take this problem."""


def chainrule(problem: Problem, method: str) -> Callable[[float], Run]:
    import chainrule as cr

    f, data, start = problem.function(np), problem.data(), problem.start()
    given = {} if method == "auto" else {"method": method}

    def make(tol: float) -> Run:
        return lambda: cr.minimize(f, start, data, tol=tol, **given).x

    return make


def scipy_with_jax(problem: Problem, method: str) -> Callable[[float], Run]:
    import jax
    import jax.numpy as jnp
    from scipy.optimize import minimize

    jax.config.update("jax_enable_x64", True)
    if method in ("BFGS", "trust-exact") and problem.name.startswith("Rosenbrock"):
        raise NotForThis("a dense matrix at each of thousands of steps")
    f = problem.function(jnp)
    data, start = [jnp.asarray(d) for d in problem.data()], problem.start()
    pair = jax.jit(lambda x: jax.value_and_grad(f)(x, *data))
    whole = jax.jit(lambda x: jax.hessian(f)(x, *data))
    along = jax.jit(lambda x, v: jax.jvp(lambda x: jax.grad(f)(x, *data), (x,), (v,))[1])

    def fun(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = pair(x)
        return float(value), np.asarray(slope)

    further: dict[str, Any] = {}
    if method == "trust-exact":
        further["hess"] = lambda x: np.asarray(whole(x))
    if method in ("Newton-CG", "trust-ncg", "trust-krylov"):
        further["hessp"] = lambda x, v: np.asarray(along(x, v))

    def make(tol: float) -> Run:
        options: dict[str, Any] = {"maxiter": 100_000}
        if method == "L-BFGS-B":
            options |= {"gtol": tol, "ftol": 0.0, "maxfun": 1_000_000, "maxcor": 20}
        else:
            options["xtol" if method == "Newton-CG" else "gtol"] = tol
        return lambda: minimize(fun, start, jac=True, method=method, options=options, **further).x

    return make


def optax(problem: Problem, method: str) -> Callable[[float], Run]:
    """L-BFGS of optax, its whole loop in one compiled program."""
    import jax
    import jax.numpy as jnp
    import optax

    jax.config.update("jax_enable_x64", True)
    f, data = problem.function(jnp), [jnp.asarray(d) for d in problem.data()]
    start = jnp.asarray(problem.start())
    optimizer = optax.lbfgs(memory_size=20)

    def value(x: Any) -> Any:
        return f(x, *data)

    pair = optax.value_and_grad_from_state(value)

    @jax.jit
    def run(x: Any, tol: Any) -> Any:
        def step(carry: Any) -> Any:
            x, state, _, count = carry
            v, g = pair(x, state=state)
            updates, state = optimizer.update(g, state, x, value=v, grad=g, value_fn=value)
            x = optax.apply_updates(x, updates)
            slope = optax.tree_utils.tree_get(state, "grad")
            return x, state, jnp.max(jnp.abs(slope)), count + 1

        first = (x, optimizer.init(x), jnp.inf, 0)
        return jax.lax.while_loop(lambda c: (c[2] > tol) & (c[3] < 20_000), step, first)[0]

    def make(tol: float) -> Run:
        return lambda: np.asarray(run(start, tol))

    return make


def torch(problem: Problem, method: str) -> Callable[[float], Run]:
    import torch

    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)

    class Names:
        """torch under NumPy's names, as far as the problems need them."""

        sum, exp, log, reshape = torch.sum, torch.exp, torch.log, torch.reshape

        @staticmethod
        def logaddexp(a: float, b: Any) -> Any:
            return torch.nn.functional.softplus(b)

        @staticmethod
        def max(x: Any, axis: int, keepdims: bool) -> Any:
            return torch.amax(x, dim=axis, keepdim=keepdims)

    base = problem.function(Names)
    data = [torch.as_tensor(d) for d in problem.data()]
    if problem.name.startswith("softmax"):

        def base(w: Any, X: Any, Y: Any) -> Any:  # with its own log-sum-exp
            W = w.reshape(65, 10)
            z = X @ W
            return (torch.logsumexp(z, 1) - (Y * z).sum(1)).sum() + 0.5 * (W[:-1] ** 2).sum()

    def make(tol: float) -> Run:
        def run() -> np.ndarray:
            x = torch.tensor(problem.start(), requires_grad=True)
            optimizer = torch.optim.LBFGS(
                [x], max_iter=100_000, max_eval=1_000_000, tolerance_grad=tol,
                tolerance_change=1e-300, history_size=20, line_search_fn="strong_wolfe",
            )  # fmt: skip

            def closure() -> Any:
                optimizer.zero_grad()
                value = base(x, *data)
                value.backward()
                return value

            optimizer.step(closure)
            return x.detach().numpy()

        return run

    return make


def sklearn(problem: Problem, method: str) -> Callable[[float], Run]:
    import warnings

    from sklearn.linear_model import LogisticRegression

    warnings.simplefilter("ignore")
    if not problem.data():
        raise NotForThis("no regression")
    X, y = problem.data()
    X, labels = np.ascontiguousarray(X[:, :-1]), y if y.ndim == 1 else y.argmax(1)

    def make(tol: float) -> Run:
        def run() -> np.ndarray:
            model = LogisticRegression(C=1.0, solver=method, tol=tol, max_iter=100_000)
            model.fit(X, labels)
            whole = np.column_stack([model.coef_, model.intercept_])
            return whole.T.reshape(-1)

        return run

    return make


def casadi(problem: Problem, method: str) -> Callable[[float], Run]:
    """IPOPT by CasADi, with exact sparse Hessians of its own expressions."""
    import casadi

    if problem.function is rosenbrock:
        x = casadi.SX.sym("x", 1000)
        value = casadi.sumsqr(10 * (x[1:] - x[:-1] ** 2)) + casadi.sumsqr(1 - x[:-1])
    elif problem.small:
        X, y = problem.data()
        x = casadi.MX.sym("x", 31)
        z = casadi.DM(X) @ x
        # log(1 + exp z), which CasADi has no name for, without overflow
        soft = casadi.fmax(z, 0) + casadi.log1p(casadi.exp(-casadi.fabs(z)))
        value = casadi.sum1(soft - casadi.DM(y) * z) + 0.5 * casadi.sumsqr(x[:-1])
    else:
        X, Y = problem.data()
        x = casadi.MX.sym("x", 650)
        W = casadi.reshape(x, 10, 65).T  # its arrays are in Fortran's order
        z = casadi.DM(X) @ W
        total = casadi.log(casadi.sum2(casadi.exp(z)))
        value = casadi.sum1(total - casadi.sum2(casadi.DM(Y) * z)) + 0.5 * casadi.sumsqr(W[:-1, :])
    start = problem.start()

    def make(tol: float) -> Run:
        options = {
            "print_time": False, "ipopt.print_level": 0, "ipopt.sb": "yes", "ipopt.tol": tol,
            "ipopt.max_iter": 20_000, "ipopt.hessian_approximation": method,
        }  # fmt: skip
        solver = casadi.nlpsol("solver", "ipopt", {"x": x, "f": value}, options)
        return lambda: np.asarray(solver(x0=start)["x"]).reshape(-1)

    return make


#: Each solver: what makes it, of which packages, and its method.
SOLVERS: dict[str, tuple[Callable[..., Any], tuple[str, ...], str]] = {
    "chainrule": (chainrule, ("chainrule",), "auto"),
    "SciPy + JAX, L-BFGS-B": (scipy_with_jax, ("jax", "scipy"), "L-BFGS-B"),
    "SciPy + JAX, BFGS": (scipy_with_jax, ("jax", "scipy"), "BFGS"),
    "SciPy + JAX, Newton-CG": (scipy_with_jax, ("jax", "scipy"), "Newton-CG"),
    "SciPy + JAX, trust-ncg": (scipy_with_jax, ("jax", "scipy"), "trust-ncg"),
    "SciPy + JAX, trust-krylov": (scipy_with_jax, ("jax", "scipy"), "trust-krylov"),
    "SciPy + JAX, trust-exact": (scipy_with_jax, ("jax", "scipy"), "trust-exact"),
    "SciPy + JAX, CG": (scipy_with_jax, ("jax", "scipy"), "CG"),
    "optax, L-BFGS": (optax, ("jax", "optax"), ""),
    "PyTorch, LBFGS": (torch, ("torch",), ""),
    "scikit-learn, lbfgs": (sklearn, ("sklearn",), "lbfgs"),
    "scikit-learn, newton-cg": (sklearn, ("sklearn",), "newton-cg"),
    "scikit-learn, newton-cholesky": (sklearn, ("sklearn",), "newton-cholesky"),
    "CasADi + IPOPT": (casadi, ("casadi",), "exact"),
    "CasADi + IPOPT, limited memory": (casadi, ("casadi",), "limited-memory"),
}


def missing(name: str) -> str | None:
    """Which package a solver lacks, if any."""
    for package in SOLVERS[name][1]:
        if package not in sys.modules and find_spec(package) is None:
            return package
    return None
