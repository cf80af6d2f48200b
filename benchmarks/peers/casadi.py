"""CasADi: the objectives again in its own expressions, as its users write them.

Scalar expressions (SX) for small programs and for what is repeated, ``map`` and ``mapaccum`` over
it, matrix expressions (MX) for dense products. It stores by columns: matrices go in and out
transposed where that makes the order the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import chdir
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import casadi as ca
import numpy as np
from objectives import RATE, rk4_step
from workloads import Workload

from peers import Call, Unsupported, leaves


@dataclass
class Program:
    """Inputs and outputs as expressions, and the input arrays; every output in row order."""

    inputs: Sequence[Any]
    outputs: Sequence[Any]
    values: Sequence[Any]
    operations: int = 0  # roughly, if so many that C of them takes a compiler minutes


class _Names:
    """What the shared formulas need of a namespace."""

    sqrt = staticmethod(ca.sqrt)
    stack = staticmethod(lambda parts: ca.vertcat(*parts))


def rosenbrock(w: Workload, x0: np.ndarray) -> Program:
    x = ca.SX.sym("x", len(x0))
    f = ca.sum1(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
    return Program([x], [ca.gradient(f, x)], [x0])


def toy_map(w: Workload, x0: np.ndarray) -> Program:
    x = ca.SX.sym("x", 3)
    f = ca.vertcat(x[0] ** 2 + 2.0 * x[1] - x[2], ca.sin(x[0]) + x[1] * x[2])
    return Program([x], [ca.jacobian(f, x).T], [x0])


def toy(w: Workload, x0: np.ndarray) -> Program:
    x = ca.SX.sym("x", 3)
    f = x[0] ** 2 + 3.0 * x[1] ** 2 + ca.exp(x[2]) + x[0] * x[1]
    return Program([x], [ca.hessian(f, x)[0]], [x0])


def mean_squared_error(w: Workload, w0: np.ndarray, b0: float, X0: Any, y0: Any) -> Program:
    n, d = X0.shape
    v, b, y = ca.MX.sym("w", d), ca.MX.sym("b"), ca.MX.sym("y", n)
    X = ca.MX.sym("X", n, d)
    r = ca.mtimes(X, v) + b - y
    f = ca.dot(r, r) / n
    if w.kind == "Hessian":
        return Program([v, b, X, y], [ca.hessian(f, v)[0]], [w0, b0, X0, y0])
    return Program([v, b, X, y], [ca.gradient(f, v), ca.gradient(f, b)], [w0, b0, X0, y0])


def logistic(w: Workload, w0: np.ndarray, X0: Any, t0: Any) -> Program:
    n, d = X0.shape
    v, X, t = ca.MX.sym("w", d), ca.MX.sym("X", n, d), ca.MX.sym("t", n)
    z = ca.mtimes(X, v)
    f = ca.sum1(ca.log1p(ca.exp(-ca.fabs(z))) + ca.fmax(z, 0.0) - t * z)
    derived = ca.hessian(f, v)[0] if w.kind == "Hessian" else ca.gradient(f, v)
    return Program([v, X, t], [derived], [w0, X0, t0])


def tanh_network(w: Workload, *args: Any) -> Program:
    W1, b1, W2, b2, X, Y = symbols = [_matrix(f"a{i}", a) for i, a in enumerate(args)]
    h = ca.tanh(ca.mtimes(X, W1) + _rows(b1, X))
    f = ca.sumsqr(ca.mtimes(h, W2) + _rows(b2, X) - Y) / args[5].size
    return Program(symbols, [ca.gradient(f, a).T for a in symbols[:4]], args)


def _matrix(name: str, a: Any) -> Any:
    """A matrix, or a row of one."""
    shape = np.shape(a)
    return ca.MX.sym(name, *(shape if len(shape) == 2 else (1, *shape)))


def _rows(b: Any, X: Any) -> Any:
    return ca.repmat(b, X.shape[0], 1)


def network(w: Workload, *args: Any) -> Program:
    """A training step; the parameters come out transposed, so in the order of their rows."""
    values = list(leaves(args))
    p0, X0, y0 = w.primal_args(args)
    classes = w.objective == "classifier"
    if classes:
        values[-1] = np.eye(p0[3].size)[y0]
    p = [_matrix(f"p{i}", a) for i, a in enumerate(p0)]
    X = ca.MX.sym("X", *X0.shape)
    z = ca.mtimes(ca.fmax(ca.mtimes(X, p[0]) + _rows(p[1], X), 0.0), p[2]) + _rows(p[3], X)
    if classes:
        y = ca.MX.sym("y", *z.shape)
        m = _row_max(z)
        normalizer = m + ca.log(ca.sum2(ca.exp(z - ca.repmat(m, 1, z.shape[1]))))
        f = ca.sum1(normalizer - ca.sum2(y * z)) / len(y0)
    else:
        y = ca.MX.sym("y", len(y0))
        f = ca.sumsqr(z - y) / len(y0)
    slopes = [ca.gradient(f, a) for a in p]
    if w.kind == "SGD step":
        new = [a - RATE * g for a, g in zip(p, slopes, strict=True)]
        return Program([*p, X, y], [a.T for a in new], values)
    m = [_matrix(f"m{i}", a) for i, a in enumerate(p0)]
    v = [_matrix(f"v{i}", a) for i, a in enumerate(p0)]
    t = ca.MX.sym("t")
    rate, spread = RATE / (1.0 - 0.9**t), 1.0 / (1.0 - 0.999**t)
    first = [0.9 * a + 0.1 * g for a, g in zip(m, slopes, strict=True)]
    second = [0.999 * a + 0.001 * g**2 for a, g in zip(v, slopes, strict=True)]
    new = [
        a - rate * b / (ca.sqrt(c * spread) + 1e-8)
        for a, b, c in zip(p, first, second, strict=True)
    ]
    outputs = [a.T for a in (*new, *first, *second)]
    return Program([*p, *m, *v, t, X, y], outputs, values)


def _row_max(z: Any) -> Any:
    """The largest of each row, column by column."""
    top = z[:, 0]
    for j in range(1, z.shape[1]):
        top = ca.fmax(top, z[:, j])
    return top


def log_sum_exp(w: Workload, x0: np.ndarray) -> Program:
    x = ca.MX.sym("x", len(x0))
    return Program([x], [ca.gradient(ca.logsumexp(x), x)], [x0])


def k_means(w: Workload, C0: np.ndarray, P0: np.ndarray) -> Program:
    (k, d), n = C0.shape, len(P0)
    c, x = ca.SX.sym("c", d, k), ca.SX.sym("x", d)
    f = ca.mmin(ca.sum1((ca.repmat(x, 1, k) - c) ** 2))
    g = ca.gradient(f, c)
    curvature = ca.jtimes(g, c, ca.SX.ones(d, k))
    one = ca.Function("one", [c, x], [g, curvature])
    C, P = ca.MX.sym("C", d, k), ca.MX.sym("P", d, n)
    outputs = one.map("each", "serial", n, [0], [0, 1])(C, P)
    return Program([C, P], outputs, [C0.T, P0.T], 20 * k * d)


def gaussian_mixture(w: Workload, a0: Any, m0: Any, q0: Any, x0: Any) -> Program:
    (n, d), k, triangle = x0.shape, len(a0), q0.shape[1]
    if k * d * d > 30_000:
        raise Unsupported("scalar expressions of more than a million operations")
    a, mu, q = ca.SX.sym("a", k), ca.SX.sym("mu", d, k), ca.SX.sym("q", triangle, k)
    x = ca.SX.sym("x", d)
    terms = []
    for c in range(k):
        z = x - mu[:, c]
        y = [ca.exp(q[i, c]) * z[i] for i in range(d)]
        stored = d
        for j in range(d):
            for i in range(j + 1, d):
                y[i] = y[i] + q[stored, c] * z[j]
                stored += 1
        terms.append(a[c] + ca.sum1(q[:d, c]) - 0.5 * sum(v * v for v in y))
    f = ca.logsumexp(ca.vertcat(*terms))
    one = ca.Function("one", [a, mu, q, x], [ca.gradient(f, v) for v in (a, mu, q)])
    A, U, Q = ca.MX.sym("a", k), ca.MX.sym("mu", d, k), ca.MX.sym("q", triangle, k)
    X = ca.MX.sym("x", d, n)
    fit = one.map("each", "serial", n, [0, 1, 2], [0, 1, 2])(A, U, Q, X)
    prior = 0.5 * (ca.sumsqr(ca.exp(Q[:d, :])) + ca.sumsqr(Q[d:, :])) - n * ca.logsumexp(A)
    outputs = [g + ca.gradient(prior, v) for g, v in zip(fit, (A, U, Q), strict=True)]
    return Program([A, U, Q, X], outputs, [a0, m0.T, q0.T, x0.T], 8 * k * d * d)


def unrolled(w: Workload, y0: np.ndarray, mu0: float) -> Program:
    """All steps as one scalar program: the faster way where its own machine evaluates it."""
    y, mu = ca.SX.sym("y", 4), ca.SX.sym("mu")
    last = y
    for _ in range(w.constants["steps"]):
        last = rk4_step(_Names, last, mu)
    f = ca.sumsqr(last)
    return Program([y, mu], [ca.gradient(f, y), ca.gradient(f, mu)], [y0, mu0])


def runge_kutta(w: Workload, y0: np.ndarray, mu0: float) -> Program:
    """The step as a function, repeated: the loop is kept, the faster way in C."""
    steps = w.constants["steps"]
    y, mu = ca.SX.sym("y", 4), ca.SX.sym("mu")
    step = ca.Function("step", [y, mu], [rk4_step(_Names, y, mu)])
    Y, M = ca.MX.sym("y", 4), ca.MX.sym("mu")
    f = ca.sumsqr(step.fold(steps)(Y, ca.repmat(M, 1, steps)))
    return Program([Y, M], [ca.gradient(f, Y), ca.gradient(f, M)], [y0, mu0])


def lstm(w: Workload, main0: Any, extra0: Any, state0: Any, text0: Any) -> Program:
    """A character as a function of the states, the likelihood so far and the weights; folded."""
    layers, b = len(main0) // 2, text0.shape[1]
    steps = len(text0) - 1
    main, extra = ca.SX.sym("main", 4 * b, 2 * layers), ca.SX.sym("extra", b, 3)
    carried = ca.SX.sym("carried", 2 * layers * b + 1)
    pair = ca.SX.sym("pair", 2 * b)
    states = ca.vertsplit(carried[:-1], b)
    x = pair[:b] * extra[:, 0]
    new = []
    for i in range(layers):
        h, c = states[2 * i], states[2 * i + 1]
        gates = ca.vertcat(x, h, x, h) * main[:, 2 * i] + main[:, 2 * i + 1]
        keep, enter, leave = (1.0 / (1.0 + ca.exp(-gates[j * b : (j + 1) * b])) for j in range(3))
        c = c * keep + enter * ca.tanh(gates[3 * b :])
        x = leave * ca.tanh(c)
        new += [x, c]
    y = x * extra[:, 1] + extra[:, 2]
    likelihood = ca.dot(pair[b:], y - ca.log(ca.sum1(ca.exp(y)) + 2.0))
    after = ca.vertcat(*new, carried[-1] + likelihood)
    fold = ca.Function("step", [carried, pair, main, extra], [after]).fold(steps)
    M, E = ca.MX.sym("main", *main.shape), ca.MX.sym("extra", *extra.shape)
    S, T = ca.MX.sym("state", 2 * layers * b), ca.MX.sym("pairs", 2 * b, steps)
    last = fold(ca.vertcat(S, 0.0), T, ca.repmat(M, 1, steps), ca.repmat(E, 1, steps))
    f = -last[-1] / (steps * b)
    pairs = np.concatenate([text0[:-1], text0[1:]], axis=1).T
    values = [main0.T, extra0.T, state0.reshape(-1), pairs]
    return Program([M, E, S, T], [ca.gradient(f, M), ca.gradient(f, E)], values)


def recurrence(w: Workload, x0: float) -> Program:
    x = y = ca.SX.sym("x")
    for _ in range(w.constants.get("steps", 250)):
        y = ca.sin(y) * 0.9 + x / 1.5
    return Program([x], [ca.gradient(y, x)], [x0])


PROGRAMS: dict[str, Callable[..., Program]] = {
    f.__name__: f
    for f in (
        rosenbrock, toy_map, toy, mean_squared_error, logistic, tanh_network, log_sum_exp, k_means,
        gaussian_mixture, runge_kutta, lstm, recurrence,
    )
} | {"regressor": network, "classifier": network}  # fmt: skip

#: CasADi hands its C to a compiler of the system, by files that it leaves where it stands.
_FILES = TemporaryDirectory(prefix="casadi")
COMPILED = {
    "jit": True,
    "compiler": "shell",
    "jit_options": {"flags": ["-O3", "-march=native", "-ffast-math"], "linker_flags": ["-lm"]},
    "jit_temp_suffix": True,
}


def function(w: Workload, args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, list[Any]]:
    interpreted = w.objective == "runge_kutta" and not options
    program = (unrolled if interpreted else PROGRAMS[w.objective])(w, *args)
    size = sum(map(np.size, program.values))
    if options and (program.operations > 30_000 or size > 300_000):
        raise Unsupported("its C takes a compiler minutes")
    outputs = [ca.densify(a) for a in program.outputs]
    values = [np.asarray(a, float) for a in program.values]
    with chdir(_FILES.name):
        return ca.Function("derivative", list(program.inputs), outputs, options), values


def _columns(value: Any) -> np.ndarray:
    return np.asarray(value.full() if isinstance(value, ca.DM) else value).ravel(order="F")


def call(w: Workload, args: tuple[Any, ...]) -> Call:
    """With its own matrices in and out."""
    f, values = function(w, args, {})
    inputs = [ca.DM(a) for a in values]
    return Call(lambda: f.call(inputs), lambda out: [_columns(a) for a in out])


def _bound(w: Workload, args: tuple[Any, ...], options: dict[str, Any]) -> Call:
    f, values = function(w, args, options)
    buffer, run = f.buffer()
    inputs = [np.atleast_1d(a.ravel(order="F")) for a in values]
    outputs = [np.zeros(f.nnz_out(i)) for i in range(f.n_out())]
    for i, a in enumerate(inputs):
        buffer.set_arg(i, memoryview(a))
    for i, a in enumerate(outputs):
        buffer.set_res(i, memoryview(a))
    return Call(run, lambda _: [a.copy() for a in outputs], keeps=(f, buffer, inputs, outputs))


def bound(w: Workload, args: tuple[Any, ...]) -> Call:
    """On fixed buffers: its fastest way."""
    return _bound(w, args, {})


def compiled(w: Workload, args: tuple[Any, ...]) -> Call:
    """The same through compiled C."""
    return _bound(w, args, COMPILED)
