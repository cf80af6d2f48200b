"""``scipy.integrate`` by name: integrals of traced functions, and solutions of traced equations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...errors import UnsupportedFunction
from ...ir.graph import Graph, substitute
from ...ir.node import Node
from ...ops.control import loop
from ...ops.implicit import Solver, root
from ...ops.program import Program
from ...ops.quadrature import integral, places
from ...ops.structural import stop_gradient
from ..nesting import innermost
from ..site import here
from .closures import Closure, closed, concrete, lifted, plain, unrecorded

Function = Callable[..., Any]


def quad(
    trace: Any, original: Function, func: Function, a: Any, b: Any, args: Any = (),
    full_output: Any = 0, epsabs: float = 1.49e-8, epsrel: float = 1.49e-8, limit: int = 50,
    points: Any = None, weight: Any = None, wvar: Any = None, wopts: Any = None,
    maxp1: int = 50, limlst: int = 50, complex_func: bool = False,
) -> Any:  # fmt: skip
    """As :func:`scipy.integrate.quad`: limits and what the integrand reads may be traced."""
    given = args if isinstance(args, tuple) else (args,)
    if not callable(func):  # a LowLevelCallable: what of its data is traced cannot be seen
        raise _refused("scipy.integrate.quad of compiled code", "write the integrand in Python")

    def integrand(t: Any) -> Any:
        return func(t, *given)

    low, high = plain(a), plain(b)
    with unrecorded(trace):
        inside = _inside(float(low), float(high))
        y = integrand(inside)
        traced = innermost((y, a, b)) is not None
    if not traced:
        return original(func, a, b, args, full_output, epsabs, epsrel, limit, points, weight, wvar,
                        wopts, maxp1, limlst, complex_func=complex_func)  # fmt: skip
    if weight is not None or complex_func:
        raise _refused(
            "scipy.integrate.quad with weight= or complex_func=",
            "write the weight, or each part, in the integrand",
        )
    closure = closed(trace, integrand, [inside])
    options: list[tuple[str, Any]] = [("epsabs", epsabs), ("epsrel", epsrel), ("limit", limit)]
    if points is not None:
        options.append(("points", tuple(float(p) for p in np.ravel(plain(points)))))
    if closure.guards and not _steady(closure, low, high):
        raise _refused(
            "scipy.integrate.quad of a function that branches on the variable of integration",
            "split the integral there: its limits may depend on the parameters",
        )
    (value,) = integral(
        closure.graph, [trace.lift(a), trace.lift(b), *closure.operands], tuple(options)
    )
    _, error, *rest = original(concrete(trace, integrand), low, high, full_output=full_output,
                               epsabs=epsabs, epsrel=epsrel, limit=limit, points=points)  # fmt: skip
    return (value, error, *rest)


def _refused(what: str, why: str) -> UnsupportedFunction:
    return UnsupportedFunction(f"{what} has no derivative here: {why}.", here())


def _inside(a: float, b: float) -> float:
    if np.isfinite(a) and np.isfinite(b):
        return a + 0.4871 * (b - a)
    if np.isfinite(a):
        return a + 1.137
    return b - 1.137 if np.isfinite(b) else 0.1371


def _values(closure: Closure, nodes: Sequence[Node], places: np.ndarray) -> np.ndarray:
    """The values of scalar nodes of the integrand at many places: one row for each place."""
    bound = dict(zip(closure.traced, closure.graph.inputs, strict=True))
    run = Program(Graph(closure.graph.inputs, tuple(substitute(nodes, bound)))).run
    given = [plain(x) for x in closure.operands]
    return np.array([[np.ravel(y) for y in run([np.float64(t), *given])] for t in places])


def _steady(closure: Closure, a: float, b: float) -> bool:
    """Whether the integrand takes the same branches everywhere between the limits."""
    values = _values(closure, [g.node for g in closure.guards], places(a, b))
    return all(g.holds(v) for row in values for g, v in zip(closure.guards, row[:, 0], strict=True))


# -- differential equations ------------------------------------------------------------------------


def solve_ivp(
    trace: Any, original: Function, fun: Function, t_span: Any, y0: Any, method: Any = "RK45",
    t_eval: Any = None, dense_output: bool = False, events: Any = None, vectorized: bool = False,
    args: Any = None, **options: Any,
) -> Any:  # fmt: skip
    """As :func:`scipy.integrate.solve_ivp`.

    The explicit methods are SciPy's own programs, traced. The implicit ones, which are not, are run
    for the values; the derivatives are those of the method DOP853 or Radau IIA for the equation.
    """
    name = method if isinstance(method, str) else getattr(method, "__name__", "")
    if name not in ("Radau", "BDF", "LSODA"):
        return original(
            fun, t_span, y0, method, t_eval, dense_output, events, vectorized, args, **options
        )
    given = () if args is None else tuple(args)

    def right(t: Any, y: Any) -> Any:
        return fun(t, y, *given)

    start = np.asarray(plain(y0), float)
    low, high = (float(v) for v in plain(tuple(t_span)))
    with unrecorded(trace):
        traced = innermost((right(low, start), y0, t_span)) is not None
    if not traced:
        return original(
            fun, t_span, y0, method, t_eval, dense_output, events, vectorized, args, **options
        )
    if events is not None or dense_output or innermost((t_span, t_eval)) is not None:
        raise _refused(
            f"scipy.integrate.solve_ivp by {name} with events, dense_output or traced times",
            "use RK45 or DOP853 with them",
        )
    for word in ("lband", "uband"):
        if options.get(word) is not None:
            raise _refused(f"scipy.integrate.solve_ivp with {word}=", "leave it out")
    words = {k: v for k, v in options.items() if k != "jac"}
    if options.get("jac") is not None:
        jac = options["jac"]
        words["jac"] = concrete(trace, lambda t, y: jac(t, y, *given)) if callable(jac) else jac
    run = concrete(trace, right)
    solution = original(
        run, (low, high), start, method, t_eval, False, None, vectorized, None, **words
    )
    if not solution.success:
        return solution
    times = solution.t
    tolerance: dict[str, Any] = {k: v for k, v in options.items() if k in ("rtol", "atol")}
    path = _path(trace, right, run, low, start, y0, times, tolerance)
    moved = np.transpose(path)
    solution.y = _valued(trace, right, (low, start), y0, solution.y, moved)
    return solution


def odeint(
    trace: Any, original: Function, func: Function, y0: Any, t: Any, args: Any = (), Dfun: Any = None,
    col_deriv: Any = 0, full_output: Any = 0, ml: Any = None, mu: Any = None, rtol: Any = None,
    atol: Any = None, tcrit: Any = None, h0: float = 0.0, hmax: float = 0.0, hmin: float = 0.0,
    ixpr: Any = 0, mxstep: int = 0, mxhnil: int = 0, mxordn: int = 12, mxords: int = 5,
    printmessg: Any = 0, tfirst: bool = False,
) -> Any:  # fmt: skip
    """As :func:`scipy.integrate.odeint`: its values, with derivatives by DOP853 or Radau IIA."""
    given = args if isinstance(args, tuple) else (args,)

    def right(t: Any, y: Any) -> Any:
        return func(t, y, *given) if tfirst else func(y, t, *given)

    start = np.atleast_1d(np.asarray(plain(y0), float))
    times = np.asarray(plain(t), float)
    with unrecorded(trace):
        traced = innermost((right(times[0], start), y0, t)) is not None
    rest = {"ml": ml, "mu": mu, "rtol": rtol, "atol": atol, "tcrit": tcrit, "h0": h0, "hmax": hmax,
            "hmin": hmin, "mxstep": mxstep, "mxordn": mxordn, "mxords": mxords}  # fmt: skip
    if not traced:
        return original(func, y0, t, args, Dfun, col_deriv, full_output, tfirst=tfirst, **rest)
    run = concrete(trace, right)
    found = original(run, start, times, tfirst=True, full_output=True, **rest)
    values, info = found
    loose = 1.49e-8
    tolerance = {"rtol": loose if rtol is None else rtol, "atol": loose if atol is None else atol}
    when = None if innermost((t,)) is None else lifted(t)
    if when is not None and (np.diff(times) == 0).any():
        raise _refused("scipy.integrate.odeint at traced times of which two are equal", "take each once")
    path = _path(
        trace, right, run, float(times[0]), start, np.ravel(lifted(y0)), times, tolerance, when
    )
    made = _valued(trace, right, (float(times[0]), start), y0, values, path, when)
    return (made, info) if full_output else made


def _valued(
    trace: Any, right: Function, at: tuple[float, Any], y0: Any, values: Any, path: Any,
    when: Any = None,
) -> Any:  # fmt: skip
    """The values that SciPy computed, with the derivatives of ``path``.

    They belong to these parameters alone, so what the equation reads becomes a decision.
    """
    read = closed(trace, lambda y: right(at[0], y), [at[1]]).operands
    given = [lifted(y0)] if innermost((y0,)) is not None else []
    for x in (*read, *given, *(() if when is None else (when,))):
        if x.node.type.differentiable and x.node.level:
            x.recorder.decide_array(x)
    return values + (path - stop_gradient(path))


#: Evaluations of the right-hand side after which an equation counts as stiff.
_PATIENCE = 20_000


class _Stiff(Exception):
    pass


def _path(
    trace: Any, right: Function, run: Function, low: float, start: np.ndarray, y0: Any,
    times: np.ndarray, tolerance: dict[str, Any], when: Any = None,
) -> Any:  # fmt: skip
    """The solution at ``times``, one row for each, by a method that is traced step by step.

    ``when`` is ``times`` traced: the steps between two of these stretch with them.
    """
    from scipy.integrate import solve_ivp

    rtol = min(0.1 * float(np.min(tolerance.get("rtol", 1e-3))), 1e-6)
    atol = np.minimum(0.1 * np.asarray(tolerance.get("atol", 1e-6), float), 1e-8)
    calls = 0

    def counted(t: float, y: np.ndarray) -> Any:
        nonlocal calls
        calls += 1
        if calls > _PATIENCE:
            raise _Stiff
        return run(t, y)

    try:
        steps = solve_ivp(counted, (low, times[-1]), start, "DOP853", rtol=rtol, atol=atol).t
        step = _explicit
    except _Stiff:
        rtol = max(rtol, 1e-10)
        steps = solve_ivp(run, (low, times[-1]), start, "Radau", rtol=rtol, atol=atol).t
        step = _radau
    mesh = np.unique(np.concatenate([steps, times]))
    if times[-1] < low:
        mesh = mesh[::-1]
    y = trace.lift(lifted(y0) * 1.0)
    made = closed(trace, lambda t, h, y: step(trace, right, t, h, y), [mesh[0], 0.1, start])
    grid: Any = mesh if when is None else _stretched(mesh, times, when)
    lengths = np.diff(grid)
    if made.guards:  # a branch may be taken in one step and not in another
        rows = [y]
        if when is not None:  # where it branches does not stretch with the times
            raise _refused(
                "scipy.integrate.odeint at traced times of an equation that branches", "use np.where"
            )
        for t, h in zip(mesh, lengths, strict=False):
            rows.append(step(trace, right, float(t), float(h), rows[-1]))
        path = np.stack(rows)
    else:
        t, h, state, *read = made.graph.inputs
        (after,) = made.graph.outputs
        body = Graph((state, t, h, *read), (after, after))
        _, (rows,) = loop(body, mesh.size - 1, [y], [grid[:-1], lengths], made.operands)
        path = np.concatenate([y[None], rows])
    place = {t: k for k, t in enumerate(mesh)}
    return path[[place[t] for t in times]]


def _stretched(mesh: np.ndarray, times: np.ndarray, when: Any) -> Any:
    """The mesh as it moves with the times between which its points lie."""
    way = -1.0 if times[-1] < times[0] else 1.0
    before = np.clip(np.searchsorted(way * times, way * mesh, "right") - 1, 0, times.size - 2)
    share = (mesh - times[before]) / (times[before + 1] - times[before])
    return when[before] + share * (when[before + 1] - when[before])


def _explicit(trace: Any, right: Function, t: Any, h: Any, y: Any) -> Any:
    """A step of the method of order 8 of Dormand and Prince."""
    from scipy.integrate import DOP853

    slopes: list[Any] = []
    for row, c in zip(DOP853.A, DOP853.C, strict=True):
        inner = sum((a * k for a, k in zip(row, slopes, strict=False) if a), 0.0)
        slopes.append(lifted(right(t + c * h, y + h * inner if slopes else y)))
    return y + h * sum(b * k for b, k in zip(DOP853.B, slopes, strict=True) if b)


_ROOT_6 = 6**0.5
#: The Radau IIA method of order 5: Hairer and Wanner, Solving ordinary differential equations II.
_RADAU_C = np.array([(4 - _ROOT_6) / 10, (4 + _ROOT_6) / 10, 1.0])
_RADAU_A = np.array([
    [(88 - 7 * _ROOT_6) / 360, (296 - 169 * _ROOT_6) / 1800, (-2 + 3 * _ROOT_6) / 225],
    [(296 + 169 * _ROOT_6) / 1800, (88 + 7 * _ROOT_6) / 360, (-2 - 3 * _ROOT_6) / 225],
    [(16 - _ROOT_6) / 36, (16 + _ROOT_6) / 36, 1 / 9],
])  # fmt: skip


def _radau(trace: Any, right: Function, t: Any, h: Any, y: Any) -> Any:
    """A step of the implicit method Radau IIA of order 5."""
    n = int(np.size(y))
    trace = innermost((y, t, h)) or trace

    def residual(z: Any) -> Any:
        z = np.reshape(z, (3, n))
        slopes = np.stack([lifted(right(t + c * h, y + z[k])) for k, c in enumerate(_RADAU_C)])
        return np.ravel(z - h * (_RADAU_A @ slopes))

    start = np.zeros(3 * n)
    closure = closed(trace, residual, [start])
    if closure.guards:
        raise _refused("a stiff equation that branches on its state", "write it without if")
    solver = Solver("scipy.optimize.root", ("fun",), ("x0",), (("tol", 1e-12),))
    z = root(closure.graph, solver, [trace.lift(start), *closure.operands])
    return y + z[2 * n :]


SOLVERS: dict[str, Callable[..., Any]] = {
    "scipy.integrate.quad": quad,
    "scipy.integrate.solve_ivp": solve_ivp,
    "scipy.integrate.odeint": odeint,
}
