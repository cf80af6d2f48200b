"""``scipy.optimize`` by name: roots and minima of traced functions, differentiated implicitly.

The solver runs as SciPy runs it. Its result is recorded as the solution of an equation, whose
derivative is that of the implicit function: see :mod:`chainrule.ops.implicit`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import UnsupportedFunction
from ...ops.implicit import Solver, argmin, found, root
from ..nesting import innermost
from ..site import here
from .closures import Closure, closed, concrete, lifted, plain, unrecorded

Function = Callable[..., Any]

#: A solver of SciPy by name, as a function of the trace, of SciPy's own, and of its arguments.
Replacement = Callable[..., Any]


def refused(what: str, why: str) -> UnsupportedFunction:
    """The error for what has no derivative, and why."""
    return UnsupportedFunction(f"{what} has no derivative here: {why}.", here())


def _args(args: Any) -> tuple[Any, ...]:
    return tuple(args) if isinstance(args, tuple | list) else (args,)


def _bound(f: Function | None, args: Any) -> Function | None:
    given = _args(args)
    return None if f is None else lambda x: f(x, *given)


def is_traced(trace: Any, f: Function, x: Any) -> bool:
    """Whether what ``f`` gives at ``x`` is traced."""
    with unrecorded(trace):
        y = f(x)
        return innermost(y if type(y) in (list, tuple) else (y,)) is not None


def _solved(
    trace: Any, solver: Solver, functions: Sequence[Function], starts: Mapping[str, Any],
    *, least: bool = False, like: Any = None,
) -> tuple[Any, Any, Closure]:  # fmt: skip
    """The solution, traced; what SciPy returned; and the function as a graph."""
    given = [plain(s) for s in starts.values()]
    names = [name for name in solver.functions if name]
    runs = [concrete(trace, f) for f in functions[-len(names) :]]
    result = solver.raw(runs, given)
    x = np.asarray(found(result), float)
    x = x.reshape(np.shape(like)) if like is not None else x

    def body(t: Any) -> tuple[Any, ...]:
        values = [lifted(f(t)) for f in functions]
        first = values[0]
        if not least:
            if np.size(first) != np.size(t):
                raise refused(
                    solver.path, f"there are {np.size(first)} equations for {np.size(t)} unknowns"
                )
            first = np.reshape(first, np.shape(t))
            values[0] = first - t if solver.fixed else first
        else:
            values[0] = np.reshape(first, ())
        return tuple(values)

    closure = closed(trace, body, [x])
    starting = [np.asarray(s, float) if type(s) in (list, tuple) else s for s in starts.values()]
    if closure.guards:  # the graph is that of the branch at the solution: start there
        vector = ("scipy.optimize.minimize" if least else "scipy.optimize.root", ("x0",))
        path, names_ = vector
        solver = Solver(path, ("fun",), names_, (("tol", 1e-10),))
        closure_graph = type(closure.graph)(closure.graph.inputs, closure.graph.outputs[:1])
        starting = [x]
    else:
        closure_graph = closure.graph
    row = argmin if least else root
    solution = row(closure_graph, solver, [*map(trace.lift, starting), *closure.operands])
    trace.values.setdefault(solution.node, x[()])
    closure.decide(trace, [solution])
    return solution, result, closure


_INFORMATION = frozenset({
    "success", "status", "message", "nit", "nfev", "njev", "nhev", "converged", "flag",
    "iterations", "function_calls", "method", "ier",
})  # fmt: skip


def _answer(result: Any, **fields: Any) -> Any:
    """SciPy's result object with traced fields; what else depends on the parameters is left out."""
    from scipy.optimize import OptimizeResult

    known = vars(result) if not isinstance(result, dict) else result
    kept = {k: v for k, v in known.items() if k in _INFORMATION}
    return OptimizeResult({**kept, **fields})


# -- one unknown -----------------------------------------------------------------------------------


def _bracketing(path: str) -> Replacement:
    def solver(
        trace: Any, original: Function, f: Function, a: Any, b: Any, args: Any = (),
        *rest: Any, full_output: bool = False, disp: bool = True, **options: Any,
    ) -> Any:  # fmt: skip
        names = ["xtol", "rtol", "maxiter", "full_output", "disp"]
        if path.endswith("toms748"):
            names.insert(0, "k")
        options |= dict(zip(names, rest, strict=False))
        full_output = options.pop("full_output", full_output)
        options.pop("disp", None)
        function = _bound(f, args)
        assert function is not None
        if not is_traced(trace, function, plain(a)) and innermost((a, b)) is None:
            return original(f, a, b, args, full_output=full_output, disp=disp, **options)
        spec = Solver(path, ("f",), ("a", "b"), tuple(options.items()))
        x, _, _ = _solved(trace, spec, [function], {"a": a, "b": b})
        if not full_output:
            return x
        run = concrete(trace, function)
        _, info = original(run, plain(a), plain(b), full_output=True, disp=disp, **options)
        return x, _answer(info, root=x)

    return solver


def newton(
    trace: Any, original: Function, func: Function, x0: Any, fprime: Any = None, args: Any = (),
    tol: float = 1.48e-8, maxiter: int = 50, fprime2: Any = None, x1: Any = None,
    rtol: float = 0.0, full_output: bool = False, disp: bool = True,
) -> Any:  # fmt: skip
    """As :func:`scipy.optimize.newton`."""
    functions = {"func": func, "fprime": fprime, "fprime2": fprime2}
    bound = {k: _bound(f, args) for k, f in functions.items() if f is not None}
    given = [f for f in bound.values() if f is not None]
    if not is_traced(trace, given[0], plain(x0)) and innermost((x0, x1)) is None:
        return original(func, x0, fprime, args, tol, maxiter, fprime2, x1, rtol, full_output, disp)
    if full_output:
        raise refused("scipy.optimize.newton with full_output=True", "leave it out")
    starts = {"x0": x0} if x1 is None else {"x0": x0, "x1": x1}
    options = (("tol", tol), ("maxiter", maxiter), ("rtol", rtol))
    x, _, _ = _solved(trace, Solver("scipy.optimize.newton", tuple(bound), tuple(starts), options),
                      given, starts)  # fmt: skip
    return x


def root_scalar(
    trace: Any, original: Function, f: Function, args: Any = (), method: Any = None,
    bracket: Any = None, fprime: Any = None, fprime2: Any = None, x0: Any = None, x1: Any = None,
    xtol: Any = None, rtol: Any = None, maxiter: Any = None, options: Any = None,
) -> Any:  # fmt: skip
    """As :func:`scipy.optimize.root_scalar`."""
    function = _bound(f, args)
    assert function is not None
    start = x0 if bracket is None else bracket[0]
    if not is_traced(trace, function, plain(start)) and innermost((bracket or (), x0, x1)) is None:
        return original(
            f, args, method, bracket, fprime, fprime2, x0, x1, xtol, rtol, maxiter, options
        )
    if callable(fprime) or callable(fprime2):
        derivatives = {"fprime": _bound(fprime, args), "fprime2": _bound(fprime2, args)}
    elif fprime or fprime2:
        raise refused("scipy.optimize.root_scalar with fprime=True", "give the function alone")
    else:
        derivatives = {}
    functions = {"f": function, **{k: v for k, v in derivatives.items() if v is not None}}
    starts = {"x0": x0, "x1": x1}
    if bracket is not None:
        starts |= {"bracket_low": bracket[0], "bracket_high": bracket[1]}
    starts = {k: v for k, v in starts.items() if v is not None}
    words = {"method": method, "xtol": xtol, "rtol": rtol, "maxiter": maxiter}
    words = {k: v for k, v in {**words, **(options or {})}.items() if v is not None}
    spec = Solver(
        "scipy.optimize.root_scalar", tuple(functions), tuple(starts), tuple(words.items())
    )
    x, result, _ = _solved(trace, spec, list(functions.values()), starts)
    return _answer(result, root=x)


# -- several unknowns ------------------------------------------------------------------------------


def fsolve(
    trace: Any, original: Function, func: Function, x0: Any, args: Any = (), fprime: Any = None,
    full_output: bool = False, col_deriv: bool = False, xtol: float = 1.49012e-8, maxfev: int = 0,
    band: Any = None, epsfcn: Any = None, factor: float = 100, diag: Any = None,
) -> Any:  # fmt: skip
    """As :func:`scipy.optimize.fsolve`."""
    function = _bound(func, args)
    assert function is not None
    start = np.ravel(np.asarray(plain(x0), float))
    if not is_traced(trace, function, start) and innermost((x0,)) is None:
        return original(
            func, x0, args, fprime, full_output, col_deriv, xtol, maxfev, band, epsfcn, factor, diag
        )
    if full_output or band is not None or diag is not None or col_deriv:
        raise refused("scipy.optimize.fsolve", "it takes func, x0, args, fprime, xtol and maxfev")
    functions = {"func": function, "fprime": _bound(fprime, args)}
    functions = {k: v for k, v in functions.items() if v is not None}
    options = (("xtol", xtol), ("maxfev", maxfev), ("factor", factor))
    spec = Solver("scipy.optimize.fsolve", tuple(functions), ("x0",), options)
    x, _, _ = _solved(
        trace, spec, [f for f in functions.values() if f], {"x0": _vector(x0)}, like=start
    )
    return x


def _vector(x0: Any) -> Any:
    return np.ravel(lifted(x0)) * 1.0


def root_of(
    trace: Any, original: Function, fun: Function, x0: Any, args: Any = (), method: str = "hybr",
    jac: Any = None, tol: Any = None, callback: Any = None, options: Any = None,
) -> Any:  # fmt: skip
    """As :func:`scipy.optimize.root`."""
    function = _bound(fun, args)
    assert function is not None
    start = np.ravel(np.asarray(plain(x0), float))
    if not is_traced(trace, function, start) and innermost((x0,)) is None:
        return original(fun, x0, args, method, jac, tol, callback, options)
    if jac is True or callback is not None:
        raise refused("scipy.optimize.root", "jac=True and callback= are not supported")
    functions = {"fun": function, "jac": _bound(jac, args) if callable(jac) else None}
    functions = {k: v for k, v in functions.items() if v is not None}
    words: dict[str, Any] = {"method": method, "tol": tol}
    if options:
        words["options"] = _Options(options)
    spec = Solver("scipy.optimize.root", tuple(functions), ("x0",), tuple(words.items()))
    x, result, _ = _solved(
        trace, spec, [f for f in functions.values() if f], {"x0": _vector(x0)}, like=start
    )
    return _answer(result, x=x, fun=lifted(function(x)))


class _Options(dict[str, Any]):
    """Options of a solver, which can be part of a node."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted((k, str(v)) for k, v in self.items())))


def fixed_point(
    trace: Any, original: Function, func: Function, x0: Any, args: Any = (), xtol: float = 1e-8,
    maxiter: int = 500, method: str = "del2",
) -> Any:  # fmt: skip
    """As :func:`scipy.optimize.fixed_point`."""
    function = _bound(func, args)
    assert function is not None
    start = np.asarray(plain(x0), float)
    if not is_traced(trace, function, start) and innermost((x0,)) is None:
        return original(func, x0, args, xtol, maxiter, method)
    options = (("xtol", xtol), ("maxiter", maxiter), ("method", method))
    spec = Solver("scipy.optimize.fixed_point", ("func",), ("x0",), options, fixed=True)
    x, _, _ = _solved(trace, spec, [function], {"x0": lifted(x0) * 1.0}, like=start)
    return x


# -- minima ----------------------------------------------------------------------------------------


def minimize(
    trace: Any, original: Function, fun: Function, x0: Any, args: Any = (), method: Any = None,
    jac: Any = None, hess: Any = None, hessp: Any = None, bounds: Any = None,
    constraints: Any = (), tol: Any = None, callback: Any = None, options: Any = None,
) -> Any:  # fmt: skip
    """As :func:`scipy.optimize.minimize`, where no bound or constraint holds the minimum."""
    combined = jac is True
    function = _bound((lambda *a: fun(*a)[0]) if combined else fun, args)
    assert function is not None
    start = np.ravel(np.asarray(plain(x0), float))
    if not is_traced(trace, function, start) and innermost((x0,)) is None:
        return original(
            fun, x0, args, method, jac, hess, hessp, bounds, constraints, tol, callback, options
        )
    if constraints not in ((), []):
        raise refused(
            "scipy.optimize.minimize with constraints",
            "solve the Lagrange equations with scipy.optimize.root",
        )
    if combined:
        jac = lambda *a: fun(*a)[1]  # noqa: E731
    functions = {"fun": function}
    for name, given in (("jac", jac), ("hess", hess)):
        if callable(given):
            functions[name] = _bound(given, args)  # type: ignore[assignment]
    words: dict[str, Any] = {"method": method, "tol": tol}
    if bounds is not None:
        words["bounds"] = _bounds(bounds)
    if options:
        words["options"] = _Options(options)
    words = {k: v for k, v in words.items() if v is not None}
    spec = Solver("scipy.optimize.minimize", tuple(functions), ("x0",), tuple(words.items()))
    x, result, _ = _solved(
        trace, spec, list(functions.values()), {"x0": _vector(x0)}, least=True, like=start
    )
    return _answer(result, x=x, fun=lifted(function(x)))


def _bounds(bounds: Any) -> tuple[tuple[Any, Any], ...]:
    if hasattr(bounds, "lb"):
        low, high = np.broadcast_arrays(bounds.lb, bounds.ub)
        return tuple(
            (float(a), float(b))
            for a, b in zip(np.atleast_1d(low), np.atleast_1d(high), strict=True)
        )
    return tuple(
        (None if a is None else float(a), None if b is None else float(b)) for a, b in bounds
    )


def minimize_scalar(
    trace: Any, original: Function, fun: Function, bracket: Any = None, bounds: Any = None,
    args: Any = (), method: Any = None, tol: Any = None, options: Any = None,
) -> Any:  # fmt: skip
    """As :func:`scipy.optimize.minimize_scalar`."""
    function = _bound(fun, args)
    assert function is not None
    start = plain((bounds or bracket or (0.5, 0.0))[0])
    if not is_traced(trace, function, start) and innermost((bracket or (), bounds or ())) is None:
        return original(fun, bracket, bounds, args, method, tol, options)
    words: dict[str, Any] = {"method": method, "tol": tol}
    for name, given in (("bracket", bracket), ("bounds", bounds)):
        if given is not None:
            words[name] = tuple(float(v) for v in plain(tuple(given)))
    if options:
        words["options"] = _Options(options)
    words = {k: v for k, v in words.items() if v is not None}
    spec = Solver("scipy.optimize.minimize_scalar", ("fun",), (), tuple(words.items()))
    x, result, _ = _solved(trace, spec, [function], {}, least=True)
    return _answer(result, x=x, fun=lifted(function(x)))


def least_squares(
    trace: Any, original: Function, fun: Function, x0: Any, jac: Any = "2-point",
    bounds: Any = (-np.inf, np.inf), method: str = "trf", ftol: Any = 1e-8, xtol: Any = 1e-8,
    gtol: Any = 1e-8, *, args: Any = (), kwargs: Any = None, loss: Any = "linear", **options: Any,
) -> Any:  # fmt: skip
    """As :func:`scipy.optimize.least_squares` with the linear loss."""
    words = dict(kwargs or {})
    given = _args(args)

    def function(x: Any) -> Any:
        return fun(x, *given, **words)

    start = np.atleast_1d(np.asarray(plain(x0), float))
    if not is_traced(trace, function, start) and innermost((x0,)) is None:
        return original(
            fun,
            x0,
            jac,
            bounds,
            method,
            ftol,
            xtol,
            gtol,
            args=args,
            kwargs=words,
            loss=loss,
            **options,
        )
    if loss != "linear":
        raise refused(
            f"scipy.optimize.least_squares with loss={loss!r}",
            "write the loss out for scipy.optimize.minimize",
        )

    def objective(x: Any) -> Any:
        r = np.ravel(lifted(function(x)))
        return 0.5 * np.sum(r * r)

    functions = {"": objective, "fun": lambda x: np.ravel(lifted(function(x)))}
    if callable(jac):
        functions["jac"] = lambda x: jac(x, *given, **words)
    tolerances: dict[str, Any] = {"method": method, "ftol": ftol, "xtol": xtol, "gtol": gtol}
    if not callable(jac):
        tolerances["jac"] = jac
    low, high = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    if np.any(np.isfinite(low)) or np.any(np.isfinite(high)):
        tolerances["bounds"] = tuple(
            tuple(np.broadcast_to(b, start.shape).astype(float)) for b in (low, high)
        )
    spec = Solver(
        "scipy.optimize.least_squares",
        tuple(functions),
        ("x0",),
        (*tolerances.items(), *options.items()),
    )
    x, result, _ = _solved(
        trace,
        spec,
        list(functions.values()),
        {"x0": np.atleast_1d(lifted(x0)) * 1.0},
        least=True,
        like=start,
    )
    return _answer(result, x=x, fun=function(x), cost=objective(x))


def _refusal(name: str, why: str) -> Replacement:
    """A function that is refused where its arguments, or what its function gives, are traced."""

    def function(trace: Any, original: Function, *args: Any, **keywords: Any) -> Any:
        if innermost((args, keywords)) is not None:
            error = refused(f"scipy.optimize.{name}", why)
            trace.refuse(error)
            raise error
        return original(*args, **keywords)

    return function


_SEARCH = "what it finds jumps; call scipy.optimize.minimize from the point it found"
_CORNERS = "its solution jumps from corner to corner; solve the equations of the active constraints"
_PAIRS = "an assignment is piecewise constant; make it of chainrule.stop_gradient(cost)"
_REFUSED = {
    "linprog": _CORNERS, "milp": _CORNERS, "linear_sum_assignment": _PAIRS,
    "differential_evolution": _SEARCH, "dual_annealing": _SEARCH, "basinhopping": _SEARCH,
    "shgo": _SEARCH, "direct": _SEARCH, "brute": _SEARCH,
}  # fmt: skip
_BRACKETING = ("brentq", "brenth", "ridder", "bisect", "toms748")

#: SciPy's functions that take a function: path -> what to call while a trace is at work.
_NAMED: dict[str, Replacement] = {
    "newton": newton,
    "root_scalar": root_scalar,
    "fsolve": fsolve,
    "root": root_of,
    "fixed_point": fixed_point,
    "minimize": minimize,
    "minimize_scalar": minimize_scalar,
    "least_squares": least_squares,
    **{name: _bracketing(f"scipy.optimize.{name}") for name in _BRACKETING},
    **{name: _refusal(name, why) for name, why in _REFUSED.items()},
}
SOLVERS: dict[str, Replacement] = {f"scipy.optimize.{k}": v for k, v in _NAMED.items()}
