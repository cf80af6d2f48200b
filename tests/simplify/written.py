"""Random programs with loops, written out as source: the kinds of loops that people write.

    python tests/simplify/written.py FIRST LAST

Each is a few of the ``KINDS`` one after another, on vectors ``h`` and rows of ``x``. What each kind
does in a step is drawn by the seed. `mistakes` compares values and derivatives, jitted and bound,
with those of the unrolled program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import numpy as np

SIZE = 3


class Writer:
    """Draws expressions of vectors; ``trips`` is how often loops go round."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.trips = random.randint(9, 30)

    def choice(self, *options: str) -> str:
        return self.random.choice(options)

    def vector(self, *names: str, depth: int | None = None) -> str:
        """An expression in which each name may stand for a vector, of moderate size."""
        r = self.random
        depth = r.randint(1, 3) if depth is None else depth
        if not depth:
            name = r.choice(names)
            return f"({name})" if " " in name else name
        a = self.vector(*names, depth=depth - 1)
        b = self.vector(*names, depth=r.randrange(depth))
        c = round(r.uniform(0.2, 1.2), 2)
        drawn: str = r.choice((
            f"np.sin({a})", f"np.tanh({a} + {b})", f"np.cos({a}) * {b}", f"(w @ {a}) * {c}",
            f"np.tanh(w @ {a} + {b})", f"({a} - {c} * {b})", f"np.where({a} > {c - 0.5:.2f}, {a}, {b} * {c})",
            f"np.maximum({a}, {b} - {c})", f"({a}) / (1 + ({b})**2)", f"np.sqrt({c} + ({a})**2)",
            f"{a}[::-1] * {c}", f"({a} * np.sum({b}) / 4)", f"({a} + {b}[0] * {c})",
            f"np.clip({a}, -{c}, {b} * 0 + 1)", f"np.abs({a} - {b})", f"np.exp(-({a})**2)",
            f"np.roll({a}, 1)", f"np.linalg.norm({a} + {c}) * {b}", f"np.expm1(np.tanh({a}) * {c})",
        ))  # fmt: skip
        return f"({drawn})"

    def bounded(self, *names: str) -> str:
        """An expression that stays small however often it is applied."""
        return f"np.tanh({self.vector(*names)})"

    def row(self, t: str = "t") -> str:
        """Some row of ``x`` in a step."""
        return self.choice(f"x[{t}]", f"x[{t} + 1]", f"x[-{t} - 1]", f"x[::-1][{t}]", f"x[7 * {t} % T]",
                           f"x[{t}] * x[{t} + 1, 0]", f"x[{t}, ::-1]", f"(x[{t}] + x[{t} + 2])")  # fmt: skip

    def range(self) -> str:
        return self.choice("range(T)", "range(T)", "reversed(range(T))", "range(T - 1, -1, -1)", "range(1, T, 1)",
                           "range(0, T, 2)", "range(T - 1)")  # fmt: skip


Lines = Iterator[str]


def recurrence(w: Writer) -> Lines:
    yield f"for t in {w.range()}:"
    yield f"    h = {w.bounded('h', w.row())}"


def with_an_accumulator(w: Writer) -> Lines:
    yield "s = 0.0"
    yield f"for t in {w.range()}:"
    yield f"    h = {w.bounded('h', w.row())}"
    yield w.choice("    s = s + np.sum(h**2) / T", "    s += h[0] * x[t, 1] / T", "    s = np.maximum(s, h[-1])",
                   "    s = s + np.where(np.sum(h) > 0, h[0], x[t, 0]) / T", "    s = 0.9 * s + t * h[1] / T**2")  # fmt: skip
    yield "h = h + s"


def history(w: Writer) -> Lines:
    yield "a, b = h, np.sin(h)"
    if w.random.random() < 0.4:
        yield "c = np.cos(h)"
        yield f"for t in {w.range()}:"
        yield f"    a, b, c = b, c, {w.bounded('a', 'b', 'c', w.row())}"
        yield "h = a + b * c"
    else:
        yield f"for t in {w.range()}:"
        yield f"    a, b = b, {w.bounded('a', 'b', w.row())}"
        yield "h = a - b / 2"


def rows_before(w: Writer) -> Lines:
    """Reads ``x[t - 1]`` and ``x[t - 2]`` besides what is carried."""
    yield "for t in range(2, T):"
    yield f"    h = {w.bounded('h', 'x[t - 1]', 'x[t - 2]', 'x[t]')}"


def two_deep(w: Writer) -> Lines:
    inner = w.random.randint(2, 12)
    yield f"for t in {w.range()}:"
    yield f"    g = {w.vector('h', w.row())}"
    yield f"    for k in range({inner}):"
    yield f"        g = {w.bounded('g', 'h', w.choice('x[k]', 'x[t]', 'h * (k + 1)'))}"
    yield f"    h = {w.bounded('h', 'g')}"


def guarded(w: Writer) -> Lines:
    yield f"for t in {w.range()}:"
    yield "    " + w.choice(f"if h[0] > {w.random.uniform(-0.4, 0.4):.2f}:", "if np.sum(h) > np.sum(x[t]):",
                            "if t % 3 == 0:", "if abs(h[1]) < 0.5 and x[t, 0] > -0.5:", "if t > T // 2:")  # fmt: skip
    yield f"        h = {w.bounded('h', w.row())}"
    if w.random.random() < 0.6:
        yield "    else:"
        yield f"        h = {w.bounded('h', w.row())}"
    yield f"    h = {w.vector('h', 'x[t]', depth=1)} * 0.5"


def until(w: Writer) -> Lines:
    yield "k = 0"
    yield w.choice("while k < T and np.sum(h * h) < 4:", "while np.max(np.abs(h)) > 0.05 and k < T:", "while k < T:")
    yield f"    h = {w.bounded('h', w.row('k'))} * 0.9"
    yield "    k += 1"


def table(w: Writer) -> Lines:
    yield w.choice("u = np.zeros((T, N))", "u = np.empty((T, N))", "u = np.zeros_like(x[:T])")
    yield "u[0] = h"
    if w.random.random() < 0.5:
        yield "for t in range(1, T):"
        yield f"    u[t] = {w.bounded('u[t - 1]', w.row())}"
    else:
        yield "u[1] = np.sin(h)"
        yield "for t in range(2, T):"
        yield f"    u[t] = {w.bounded('u[t - 1]', 'u[t - 2]', 'x[t]')}"
    yield w.choice("h = u[-1]", "h = np.sum(u, axis=0) / T", "h = u[-1] + u[T // 2]", "h = np.max(u, axis=0)",
                   "h = np.mean(u * x[:T], axis=0)", "h = np.sum(np.cumsum(u, axis=0) * x[:T], axis=0) / T")  # fmt: skip


def entries(w: Writer) -> Lines:
    """A table of numbers, one after another."""
    yield "u = np.zeros(T)"
    yield "u[0] = h[0]"
    yield "u[1] = h[1]"
    yield "for t in range(2, T):"
    yield "    u[t] = " + w.choice("np.tanh(u[t - 1] * w[0, 1] + x[t, 0])", "0.5 * u[t - 1] - 0.3 * u[t - 2] + x[t, 1]",
                                  "np.sin(u[t - 1] + u[t - 2]) * h[t % N]", "np.maximum(u[t - 1], x[t, 0] * u[t - 2])")  # fmt: skip
    yield w.choice("h = h * u[-1]", "h = h + np.sum(u * x[:T, 0]) / T", "h = np.tanh(u[:N] + u[-N:])", "h = h * np.mean(u**2)")


def grid(w: Writer) -> Lines:
    """A table of two indices, as in aligning sequences."""
    m = w.random.randint(4, 8)
    yield f"d = np.zeros(({m}, {m}))"
    yield f"for i in range(1, {m}):"
    yield f"    for j in range(1, {m}):"
    yield "        d[i, j] = " + w.choice(
        "np.minimum(d[i - 1, j], d[i, j - 1]) + (x[i, 0] - x[j, 1])**2",
        "0.5 * d[i - 1, j - 1] + np.sin(h[i % N]) * x[j, 0]",
        "np.logaddexp(d[i - 1, j], d[i, j - 1]) * 0.4 + x[i, 0] * x[j, 1]",
        "min(d[i - 1, j], d[i, j - 1], d[i - 1, j - 1]) + abs(x[i, 0] - x[j, 1])",
    )
    yield "h = h + d[-1, -1] / 10"


def grown(w: Writer) -> Lines:
    yield "rows = [h]"
    yield f"for t in {w.range()}:"
    yield f"    rows.append({w.bounded('rows[-1]', 'rows[0]', w.row())})"
    yield w.choice(
        "h = np.sum(np.stack(rows), axis=0) / T", "h = np.max(np.array(rows), axis=0)", "h = sum(rows) / T",
        "h = np.concatenate(rows)[-N:] + np.mean(np.concatenate(rows))", "h = rows[-1] + rows[len(rows) // 2]",
        "h = np.array(rows[::-1])[: N] @ h", "h = np.vstack(rows[2:]).T @ np.ones(len(rows) - 2) / T",
        "h = np.tanh(np.var(np.stack(rows, axis=1), axis=1))", "h = np.array([r[0] for r in rows])[-N:] * h",
        "h = np.prod(np.stack(rows)**2 + 0.5, axis=0) ** (1 / T)", "h = np.array(rows)[::2].mean(axis=0)",
    )  # fmt: skip


def grown_two_back(w: Writer) -> Lines:
    yield "rows = [h, np.sin(h)]"
    yield f"for t in {w.range()}:"
    yield f"    rows.append({w.bounded('rows[-1]', 'rows[-2]', w.row())})"
    yield w.choice("h = np.mean(np.stack(rows), axis=0)", "h = rows[-1] * rows[-2]", "h = np.median(np.stack(rows), axis=0)")


def numbers_grown(w: Writer) -> Lines:
    yield "v, values = np.sum(h) / N, []"
    yield f"for t in {w.range()}:"
    yield "    v = " + w.choice("np.sin(v + x[t, 0])", "0.8 * v + x[t, 1] * h[0]", "v / (1 + v * v) + x[t, 0]")
    yield "    values.append(" + w.choice("v", "v * x[t, 1]", "np.exp(-v * v)", "np.sum(x[t] * v)") + ")"
    yield w.choice("h = h + np.array(values)[-N:]", "h = h * np.mean(np.array(values))", "h = h + max(values) / 4",
                   "h = h * np.log(np.sum(np.exp(np.array(values)))) / 4", "h = h + sum(values) / T")  # fmt: skip


def named_states(w: Writer) -> Lines:
    yield "state = {'a': h, 'b': h * 0.5}"
    yield f"for t in {w.range()}:"
    names = ("state['a']", "state['b']", w.row())
    if w.random.random() < 0.5:
        yield f"    state = {{'a': {w.bounded(*names)}, 'b': {w.bounded(*names)}}}"
    else:
        yield f"    state['a'] = {w.bounded(*names)}"
        yield f"    state['b'] += {w.vector(*names, depth=1)} / T"
    yield "h = state['a'] + state['b']"


def counted(w: Writer) -> Lines:
    """Integers go round: Python's, and NumPy's."""
    kind = w.random.randrange(4)
    if kind == 0:
        yield "k = 1"
        yield f"for t in {w.range()}:"
        yield "    k = (5 * k + 3) % T"
        yield f"    h = {w.bounded('h', 'x[k]')}"
    elif kind == 1:
        yield "k = np.int64(0)"
        yield f"for t in {w.range()}:"
        yield f"    h = {w.bounded('h', 'x[t] * k')}"
        yield "    k = k + 1"
    elif kind == 2:
        yield "k = np.zeros(N, dtype=int)"
        yield f"for t in {w.range()}:"
        yield f"    h = {w.bounded('h', w.row())}"
        yield "    k = k + (h > 0)"
        yield "h = h + k / T"
    else:
        yield "k = 0"
        yield f"for t in {w.range()}:"
        yield f"    h = {w.bounded('h', w.row())}"
        yield "    k = k + (h[0] > 0) * 1"
        yield "h = h * (1 + 0.1 * k)"


def in_place(w: Writer) -> Lines:
    """Entries of what goes round are written."""
    yield w.choice("g = h.copy()", "g = np.array(h)", "g = h * 1.0")
    yield f"for t in {w.range()}:"
    yield w.choice(
        "    g[t % N] = np.tanh(g[(t + 1) % N] + x[t, 0])", "    g[0] = np.sin(g[1] + x[t, 1]); g[1:] *= 0.9",
        "    g += 0.1 * np.sin(x[t] - g)", "    g[:] = np.tanh(w @ g + x[t])", "    g[1:] = g[:-1]; g[0] = np.sin(x[t, 0] + g[2])",
        "    for i in range(N):\n        g[i] = np.tanh(g[i - 1] * w[i, 0] + x[t, i])",
        "    g -= 0.05 * (w.T @ (w @ g - x[t])); g *= 0.95", "    g[g > 0.5] *= 0.5; g += x[t] * 0.1",
    )  # fmt: skip
    yield "h = g"


def momenta(w: Writer) -> Lines:
    yield "m, v = np.zeros(N), np.zeros(N)"
    yield f"for t in {w.range()}:"
    yield f"    g = {w.vector('h', w.row())}"
    yield "    m = 0.9 * m + 0.1 * g"
    yield "    v = 0.99 * v + 0.01 * g * g"
    yield "    h = h - 0.05 * m / (1 - 0.9 ** (t + 1)) / (np.sqrt(v / (1 - 0.99 ** (t + 1))) + 0.1)"


def over_rows(w: Writer) -> Lines:
    head, names = w.random.choice((
        ("for r in x[:T]:", ("h", "r")), ("for r, q in zip(x, x[1:]):", ("h", "r", "q")),
        ("for t, r in enumerate(x[:T]):", ("h", "r * (1 + t / T)")), ("for r in x[::-1]:", ("h", "r")),
        ("for r in reversed(x):", ("h", "r")), ("for (p, q, _) in x:", ("h", "h * p + q")),
    ))  # fmt: skip
    yield head
    yield f"    h = {w.bounded(*names)}"


def runge_kutta(w: Writer) -> Lines:
    yield f"field = lambda y, t: {w.bounded('y', 'y * np.cos(t)', 'x[0]')} - 0.1 * y"
    yield "for t in range(T):"
    yield "    k1 = field(h, 0.1 * t)"
    yield "    k2 = field(h + 0.05 * k1, 0.1 * t + 0.05)"
    yield "    k3 = field(h + 0.05 * k2, 0.1 * t + 0.05)"
    yield "    k4 = field(h + 0.1 * k3, 0.1 * t + 0.1)"
    yield "    h = h + 0.1 / 6 * (k1 + 2 * k2 + 2 * k3 + k4)"


def gates(w: Writer) -> Lines:
    """A recurrent network with a memory."""
    yield "c = np.zeros(N)"
    yield "sigma = lambda z: 1 / (1 + np.exp(-z))"
    yield f"for t in {w.range()}:"
    yield f"    z = {w.vector('h', w.row())}"
    yield "    c = sigma(z) * c + sigma(w @ z) * np.tanh(w.T @ z)"
    yield f"    h = sigma({w.vector('h', 'z')}) * np.tanh(c)"


def apart(w: Writer) -> Lines:
    """Steps that do not need each other."""
    yield "s = " + w.choice("0.0", "h", "np.zeros(N)")
    yield f"for t in {w.range()}:"
    yield f"    s = s + {w.vector('h', w.row())} / T"
    yield w.choice("h = np.tanh(s)", "h = np.tanh(h * s)")


def scalars(w: Writer) -> Lines:
    yield "p, q = h[0], h[1]"
    yield f"for t in {w.range()}:"
    yield w.choice("    p, q = q, np.sin(p) + 0.5 * q", "    p, q = p - 0.1 * q + x[t, 0] / 9, q + 0.1 * p",
                   "    p = math.sin(p + t); q = q * 0.9 + p * p / 4", "    p, q = np.tanh(p * q), np.cos(p + q * x[t, 1])")  # fmt: skip
    yield "h = h + p * q"


def several_results(w: Writer) -> Lines:
    """A helper that gives a tuple; products of matrices that go round."""
    yield "A = np.eye(N)"
    yield f"for t in {w.range()}:"
    yield w.choice("    A = np.tanh(A @ w + np.outer(x[t], h) / 3)", "    A = A @ (np.eye(N) + 0.05 * w) * 0.98",
                   "    A = 0.5 * A + np.outer(np.sin(h), x[t]); h = np.tanh(A @ h)")  # fmt: skip
    yield w.choice("h = A @ h", "h = np.diag(A) * h", "h = h * np.trace(A)", "h = np.tanh(np.linalg.solve(A + 3 * np.eye(N), h))")


KINDS: tuple[Callable[[Writer], Lines], ...] = (
    recurrence, with_an_accumulator, history, rows_before, two_deep, guarded, until, table, entries, grid,
    grown, grown_two_back, numbers_grown, named_states, counted, in_place, momenta, over_rows, runge_kutta,
    gates, apart, scalars, several_results,
)  # fmt: skip


class Program:
    """A program of one to three loops: ``f(w, x, h)``, a number, or a vector if ``vector``."""

    def __init__(self, seed: int) -> None:
        random = Random(seed)  # noqa: S311 - not a secret
        writer = Writer(random)
        self.kinds = random.choices(KINDS, k=random.choice((1, 1, 2, 2, 3)))
        #: float64 mostly; the others where rounding and types differ.
        self.dtype = random.choices(("float", "float32", "complex"), (8, 1, 1))[0]
        self.vector = random.random() < 0.25
        lines = ["N, T = len(h), len(x) - 2"]
        if self.dtype == "complex":
            self.kinds = random.choices((recurrence, history, rows_before, grown, table, named_states, over_rows), k=1)
            writer.vector = lambda *names, depth=None: _of_complex(random, names)  # type: ignore[method-assign]
            lines.append("h = h + 0.3j * x[0]")
        for kind in self.kinds:
            lines.extend(kind(writer))
        if self.dtype == "complex":
            lines = [line.replace("np.zeros((T, N))", "np.zeros((T, N), complex)")
                     .replace("np.empty((T, N))", "np.empty((T, N), complex)")
                     .replace("np.zeros_like(x[:T])", "np.zeros((T, N), complex)")
                     .replace("np.max(", "np.sum(").replace("np.median(", "np.mean(")
                     .replace("np.var(", "np.mean(") for line in lines]  # fmt: skip
            lines.append("h = np.real(h) + np.abs(h) ** 2")
        lines.append("return h * np.cos(np.arange(N))" if self.vector else "return np.sum(h * np.cos(np.arange(N)))")
        body = "\n".join("    " + part for line in lines for part in line.split("\n"))
        self.text = f"def f(w, x, h):\n{body}\n"
        scope: dict[str, Any] = {}
        exec(compile(f"import math\nimport numpy as np\n{self.text}", f"<program {seed}>", "exec"), scope)
        self.f = scope["f"]
        rng = np.random.default_rng(seed)
        values = (
            rng.normal(size=(SIZE, SIZE)) / 2, rng.normal(size=(writer.trips + 2, SIZE)), rng.normal(size=SIZE),
        )  # fmt: skip
        self.args = tuple(v.astype(np.float32) if self.dtype == "float32" else v for v in values)


def _of_complex(random: Random, names: tuple[str, ...]) -> str:
    a, b = random.choice(names), random.choice(names)
    return random.choice((f"w @ {a} + {b}", f"{a} * {b} / 4 + x[0]", f"np.exp(1j * np.real({a})) * {b}",
                          f"np.conj({a}) + 0.5 * {b}", f"np.sin({a}) / 3 + {b}"))  # fmt: skip


def mistakes(seed: int, plain: Callable[[Any], Any]) -> list[str]:
    """What is not as in the unrolled program; ``plain`` runs a function without loops being found."""
    import chainrule as cr

    program = Program(seed)
    f, args = program.f, program.args
    total = (lambda w, x, h: np.sum(f(w, x, h))) if program.vector else f
    slope = cr.value_and_grad(total, wrt=(0, 1, 2))
    direction = tuple(np.cos(np.arange(a.size, dtype=a.dtype)).reshape(a.shape) for a in args)
    ways: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "slope": (lambda: slope(*args), lambda: slope(*args)),
        "compiled": (lambda: slope(*args), lambda: cr.jit(slope)(*args)),
        "value": (lambda: f(*args), lambda: cr.jit(f)(*args)),
    }
    extra: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
        "hvp": (cr.hvp(lambda h, w, x: total(w, x, h)), (args[2], direction[2], args[0], args[1])),
        "hessian": (cr.hessian(total, wrt=2), args),
        "jvp": (lambda w, x, h: cr.jvp(f, (w, x, h), direction), args),
        "vmap": (cr.vmap(f, in_axes=(None, None, 0)), (args[0], args[1], np.stack([args[2], args[2] * 0.5]))),
    }  # fmt: skip
    if program.vector:
        extra["jacobian"] = cr.jacobian(f, wrt=seed % 3), args
    name = sorted(extra)[seed // 7 % len(extra)]
    function, given = extra[name]
    ways[name] = (lambda: function(*given), lambda: function(*given))
    ways["compiled " + name] = (lambda: function(*given), lambda: cr.jit(function)(*given))
    ways["bound"] = (lambda: slope(*args), lambda: _bound(cr.jit(slope), args))
    other = tuple(a * a.dtype.type(0.9) + a.dtype.type(0.05) for a in args)
    fast = cr.jit(slope)
    ways["other numbers"] = (lambda: slope(*other), lambda: (fast(*args), fast(*other))[1])
    tolerance = 2e-3 if program.dtype == "float32" else 1e-7
    found = []
    with np.errstate(all="ignore"):
        exact = f(*args)
        for what, (expected, way) in ways.items():
            try:
                a = _leaves(plain(expected))
            except cr.errors.CutDerivative:  # it writes to an array that came about untraced
                continue
            b = _leaves(way())
            if not _agree(a, b, tolerance):
                found.append(f"{what} of program {seed}")
            if what == "value" and not _agree(_leaves(exact), b, tolerance):
                found.append(f"plain value of program {seed}")
    return found


def _bound(fast: Any, args: tuple[Any, ...]) -> Any:
    given = tuple(np.zeros_like(a) for a in args)
    for a, b in zip(given, args, strict=True):
        a[...] = b
    call = fast.bind(*given)
    call()
    return call()


def _agree(a: list[Any], b: list[Any], tolerance: float) -> bool:
    if len(a) != len(b):
        return False
    for x, y in zip(map(np.asarray, a), map(np.asarray, b), strict=True):
        scale = max(float(np.max(np.abs(x), initial=0.0)), 1.0)
        same = (x.shape, x.dtype) == (y.shape, y.dtype)
        if not same or not np.allclose(x, y, rtol=tolerance, atol=tolerance * scale, equal_nan=True):
            return False
    return True


def _leaves(tree: Any) -> list[Any]:
    return [x for part in tree for x in _leaves(part)] if isinstance(tree, tuple | list) else [tree]


if __name__ == "__main__":
    import sys
    import traceback
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.native.fuzz import loud
    from tests.native.sound import checked
    from tests.simplify.test_rerolling import short_programs, unrolled

    first, last = map(int, sys.argv[1:3])
    count = 0
    with short_programs(), loud(), checked():
        for seed in range(first, last):
            try:
                wrong = mistakes(seed, unrolled)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
                frame = traceback.extract_tb(error.__traceback__)[-1]
                wrong = [f"program {seed}: {type(error).__name__}: {error} ({frame.filename}:{frame.lineno})"]
            if wrong:
                count += 1
                print(*wrong, Program(seed).text, sep="\n", flush=True)
    print(f"{last - first} programs, {count} with mistakes")
