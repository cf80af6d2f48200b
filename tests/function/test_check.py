"""`check` passes what is right, and finds what is wrong: in chainrule's rules and in yours."""

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.errors import ArgumentError, CheckFailed, NotDifferentiable, NotScalar
from chainrule.function.numerical import first, second

rng = np.random.default_rng(0)
N = 40
X = rng.normal(size=(N, 3))
y = rng.normal(size=N)
w, b = np.ones(3), 0.5
x = np.array([0.5, 1.0, 3.0])


def mse(w: np.ndarray, b: float) -> Any:
    return np.mean((y - (X @ w + b)) ** 2)


class TestTheTruth:
    """Derivatives from values, and the error they claim."""

    @pytest.mark.parametrize(
        ("f", "slope"),
        [
            (lambda t: np.sin(1 + t), np.cos(1)),
            (lambda t: np.exp(30 * (1 + t)), 30 * np.exp(30)),
            (lambda t: np.log(1e-8 * (1 + t)), 1.0),
            (lambda t: np.abs(-1 - t) * np.exp(t), 2.0),
            (lambda t: np.real(np.exp(t)), 1.0),
            (lambda t: np.arcsin(1 - 1e-6 + 1e-7 * t), 1e-7 / np.sqrt(1 - (1 - 1e-6) ** 2)),
        ],
    )
    def test_slopes(self, f: Callable[[Any], Any], slope: float) -> None:
        found = first(lambda t: np.atleast_1d(f(t)))
        assert abs(found.value[0] - slope) <= 4 * found.error[0] + 1e-10 * abs(slope)
        assert found.error[0] <= 1e-8 * abs(slope)

    def test_the_complex_step_is_not_believed_where_abs_breaks_it(self) -> None:
        assert first(lambda t: np.atleast_1d(np.exp(t))).method == "the complex step"
        broken = first(lambda t: np.atleast_1d(np.abs(np.exp(t))))
        assert broken.method == "extrapolated differences"

    def test_it_stays_inside_the_domain(self) -> None:
        seen = []

        def line(t: complex) -> np.ndarray:
            seen.append(1e-3 * (1 + t))
            return np.atleast_1d(np.log(1e-3 * (1 + t)))

        first(line)
        assert min(np.real(seen)) > 0

    def test_second_derivatives(self) -> None:
        for f in (np.exp, lambda z: np.abs(np.exp(z))):
            found = second(lambda s, t, f=f: np.atleast_1d(f(s + 2 * t)))
            assert abs(found.value[0] - 2) <= 4 * found.error[0] + 1e-14

    def test_no_slope_no_claim(self) -> None:
        with np.errstate(all="ignore"):
            found = first(lambda t: np.atleast_1d(np.sign(t)))
        assert found.error[0] > 1


class TestRight:
    @pytest.mark.parametrize("order", [1, 2])
    @pytest.mark.parametrize(
        ("f", "args"),
        [
            (mse, (w, b)),
            (lambda x: np.stack([x[0] ** 2 + 2 * x[1], np.sin(x[0]) * x[2]]), (x,)),
            (lambda p: np.sum(p["w"] ** 3) * p["b"][0], ({"w": w, "b": (2.0, 3)},)),
            (lambda z: np.sum(np.abs(z) ** 2 + np.real(z**3)), (np.array([1 + 2j, 0.3 - 1j]),)),
            (lambda x, n: np.sum(x**n), (x, 3)),
            (np.exp, (x,)),
            (lambda A: np.linalg.inv(A), (np.array([[2.0, 1.0], [0.5, 3.0]]),)),
            (lambda x: 1e9 * np.sum(x**2), (x,)),
            (lambda x: np.sum(np.log(x)), (np.array([1e-8, 1.0, 1e8]),)),
        ],
    )  # fmt: skip
    def test_it_passes(self, f: Callable[..., Any], args: tuple[Any, ...], order: int) -> None:
        report = cr.check(f, *args, order=order)
        assert report, str(report)
        assert "right" in str(report)
        report.require()

    def test_kinks_have_a_slope_between(self) -> None:
        at = np.array([0.0, -1.0, 2.0])
        assert cr.check(lambda x: np.sum(np.abs(x) + np.maximum(x, 0) + np.clip(x, 0, 2)), at)

    def test_single_precision(self) -> None:
        assert cr.check(lambda x: np.sum(np.sin(x) ** 2), x.astype(np.float32), order=2)

    def test_an_ill_conditioned_system(self) -> None:
        H = 1 / (np.arange(6)[:, None] + np.arange(6) + 1)
        assert cr.check(lambda c: np.linalg.solve(H, c), np.ones(6))

    def test_a_derivative_is_a_function_too(self) -> None:
        assert cr.check(cr.grad(lambda x: np.sum(x**4)), x)

    def test_a_generator_starts_anew(self) -> None:
        generator = np.random.default_rng(1)
        report = cr.check(lambda x, g: np.sum(x * g.normal(size=3)), x, generator)
        assert report, str(report)

    def test_a_part_by_its_path(self) -> None:
        report = cr.check(lambda p: np.sum(p["w"] ** 2) + p["b"], {"w": w, "b": b}, wrt="p['w']")
        assert report.arguments == ("p['w']",)
        assert cr.check(lambda x: x[0] * x[1], x, wrt="x[1]")

    def test_arguments_are_left_alone(self) -> None:
        before = x.copy()
        cr.check(lambda x: np.sum(x**2), x)
        assert (x == before).all()

    def test_no_width_beyond_eighty(self) -> None:
        reports = [cr.check(mse, w, b), cr.check(mse, w, b, against=lambda w, b: (w, b))]
        assert all(len(line) <= 80 for r in reports for line in str(r).splitlines())


def elementwise(*partials: Any) -> Any:
    """A row for x * exp(y), with whatever partials."""
    return cr.elementwise(lambda x, y: x * np.exp(y), "wrong({0}, {1})", partials=partials)


def right_x(out: Any, x: Any, y: Any) -> Any:
    return np.exp(y)


def right_y(out: Any, x: Any, y: Any) -> Any:
    return out


A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0], [0.5, 0.2, 0.1]])


def product(jvp: Any = None, vjp: Any = None) -> Any:
    return cr.custom_derivative(lambda x, y: np.sin(A @ x) * y, jvp=jvp, vjp=vjp)


WRONG = {
    "a sign": elementwise(lambda out, x, y: -np.exp(y), right_y),
    "a factor": elementwise(right_x, lambda out, x, y: 2 * out),
    "a missing factor": elementwise(right_x, lambda out, x, y: np.exp(y)),
    "swapped partials": elementwise(right_y, right_x),
    "a partial that is None": elementwise(right_x, None),
    "a term too many": elementwise(lambda out, x, y: np.exp(y) + 1e-5 * x, right_y),
    "a wrong function": elementwise(lambda out, x, y: np.cosh(y), right_y),
    "NaN": elementwise(right_x, lambda out, x, y: np.log(-np.abs(out))),
    "a partial at the wrong point": elementwise(right_x, lambda out, x, y: x * np.exp(x)),
    "a frozen partial": elementwise(right_x, lambda out, x, y: cr.stop_gradient(out)),
    "a jvp without a term": product(jvp=lambda p, t: np.cos(A @ p[0]) * (A @ t[0]) * p[1]),
    "a jvp with the transpose": product(
        jvp=lambda p, t: np.cos(A @ p[0]) * (A.T @ t[0]) * p[1] + np.sin(A @ p[0]) * t[1]
    ),
    "a vjp without the transpose": product(
        vjp=lambda p, c: (A @ (np.cos(A @ p[0]) * p[1] * c), np.sin(A @ p[0]) * c)
    ),
    "a vjp with a missing factor": product(
        vjp=lambda p, c: (A.T @ (np.cos(A @ p[0]) * c), np.sin(A @ p[0]) * c)
    ),
    "a jvp of compiled code": product(
        jvp=lambda p, t: np.asarray((np.cos(A @ p[0]) * (A @ t[0])).tolist())
    ),
}


class TestWrongRules:
    """Each is found, with the operation, the line of the program, and the argument."""

    @pytest.mark.parametrize("kind", WRONG)
    def test_it_is_found(self, kind: str) -> None:
        rule = WRONG[kind]

        def program(a: Any, c: Any) -> Any:
            u = np.tanh(a)
            v = rule(u, c)
            return np.sum(v**2)

        args = np.array([0.3, -0.7, 1.1]), np.array([0.4, 0.9, -0.2])
        order = 2 if kind == "a frozen partial" else 1
        report = cr.check(program, *args, order=order)
        assert not report
        with pytest.raises(CheckFailed, match="WRONG"):
            report.require()
        if kind == "a frozen partial":  # right to first order
            assert cr.check(program, *args)
            return
        assert report.operation == rule.name
        assert report.site is not None
        assert report.site.source == "v = rule(u, c)"
        assert rule.name in str(report)
        assert all(f.argument in ("a", "c") for f in report.findings)

    def test_the_entry_is_named(self) -> None:
        wrong = cr.elementwise(
            lambda x: x**3, "f({0})", (lambda out, x: np.where(x > 2, 2.9, 3) * x**2,)
        )
        report = cr.check(lambda x: np.sum(wrong(x)), x)
        assert {f.entry for f in report.findings} == {"x[2]"}
        assert report.findings[0].expected == pytest.approx(27)
        assert report.findings[0].found == pytest.approx(26.1)

    def test_the_result_is_named(self) -> None:
        wrong = cr.custom_derivative(
            lambda x: np.stack([x[0] ** 2, x[1] ** 3]),
            jvp=lambda p, t: np.stack([2 * p[0][0] * t[0][0], p[0][1] ** 2 * t[0][1]]),
        )
        report = cr.check(wrong, x[:2])
        assert {f.entry for f in report.findings} == {"value[1] by x[1]"}

    def test_a_nan_is_placed(self) -> None:
        def norm(x: Any) -> Any:
            s = np.sum(x**2)
            return np.sqrt(s)

        report = cr.check(norm, np.zeros(2))
        assert not report
        assert report.operation == "sqrt"
        assert report.site is not None
        assert report.site.source == "return np.sqrt(s)"


def right(w: Any, b: Any) -> tuple[Any, Any]:
    residual = X @ w + b - y
    return 2 / N * X.T @ residual, 2 / N * np.sum(residual)


W = rng.normal(size=(3, 3))
lam = 0.3


def network(W: np.ndarray, x: np.ndarray) -> Any:
    h = np.tanh(W @ x)
    penalty = lam * np.sum(W * W)
    return np.sum(h**2) + penalty


def of_network(W: np.ndarray, x: np.ndarray) -> Any:
    h = np.tanh(W @ x)
    return np.outer(2 * h * (1 - h**2), x) + 2 * lam * W


class TestYours:
    def test_right_ones_pass(self) -> None:
        assert cr.check(mse, w, b, against=right)
        assert cr.check(mse, w, b, against=right(w, b))
        assert cr.check(mse, w, b, against=lambda w, b: right(w, b)[0])
        assert cr.check(network, W, x, against=of_network)
        assert cr.check(np.sin, x, against=np.cos)
        assert cr.check(lambda x: A @ x, x, against=A)
        assert cr.check(lambda x: np.sum(x**3), x, order=2, against=lambda x: np.diag(6 * x))
        assert cr.check(lambda x: x[0] * x[1], x, against=lambda x: [x[1], x[0], 0.0])

    @pytest.mark.parametrize(
        ("yours", "words"),
        [
            (lambda w, b: -right(w, b)[0], "a sign: yours is −1 times"),
            (lambda w, b: right(w, b)[0] / 2, "yours is 1/2 of the derivative; multiply it by 2"),
            (lambda w, b: right(w, b)[0] * 2, "yours is 2 times the derivative"),
            (lambda w, b: right(w, b)[0] * N, f"{N} is y.shape[0]; divide by it"),
            (lambda w, b: right(w, b)[0] / N, f"{N} is y.shape[0]; multiply by it"),
            (lambda w, b: -right(w, b)[0] / 2, "a sign and a factor: yours is −1/2 of"),
            (lambda w, b: 2 / N * X.T @ (X @ w + b), "a missing term: y;"),
            (lambda w, b: 2 / N * X.T @ (X @ w - y), "a missing term: b;"),
            (lambda w, b: right(w, b)[0][:, None], "a shape: the derivative has shape (3,)"),
            (lambda w, b: 2 / N * X * (X @ w + b - y)[:, None], "take its sum over axis 0"),
            (lambda w, b: right(w, b)[0].sum(), "a sum too many"),
            (lambda w, b: right(w, b)[0] * [1, -1, 1], "1 of 3 entries have the wrong sign"),
            (lambda w, b: right(w, b)[0] + 0.5, "a constant: yours is 0.5 too large"),
            (lambda w, b: right(w, b)[0] + [0, 0, 1e-4], "1 entry is wrong"),
            (lambda w, b: right(w, b)[0] * [1, np.nan, 1], "NaN: 1 of the entries"),
        ],
    )
    def test_the_error_is_diagnosed(self, yours: Callable[..., Any], words: str) -> None:
        report = cr.check(mse, w, b, against=yours)
        assert not report
        assert words in " ".join(str(report).split())
        with pytest.raises(CheckFailed, match="diagnosis"):
            report.require()

    @pytest.mark.parametrize(
        ("yours", "words", "line"),
        [
            (lambda W, x: of_network(W, x).T, "a transpose", ""),
            (
                lambda W, x: of_network(W, x) - 2 * lam * W,
                "a missing term: penalty",
                "return np.sum(h**2) + penalty",
            ),
            (
                lambda W, x: of_network(W, x) - 4 * lam * W,
                "a sign: penalty",
                "return np.sum(h**2) + penalty",
            ),
            (
                lambda W, x: np.outer(2 * np.tanh(W @ x), x) + 2 * lam * W,
                "a missing factor",
                "h = np.tanh(W @ x)",
            ),
        ],
    )
    def test_the_slip_is_placed(self, yours: Callable[..., Any], words: str, line: str) -> None:
        report = cr.check(network, W, x, against=yours)
        assert report.diagnosis is not None
        assert words.split(":", maxsplit=1)[0] in report.diagnosis
        if line:
            assert report.site is not None

    def test_a_formula(self) -> None:
        class Text:
            """What `check` asks of a formula."""

            def __init__(self, factor: int) -> None:
                self.factor = factor

            def code(self, dialect: str) -> str:
                return (
                    f"def gradient(X, b, w, y):\n    return {self.factor} * X.T @ (X @ w + b - y)"
                )

        assert cr.check(lambda w, b: np.sum((X @ w + b - y) ** 2), w, b, against=Text(2))
        report = cr.check(lambda w, b: np.sum((X @ w + b - y) ** 2), w, b, against=Text(1))
        assert "multiply it by 2" in str(report)

    def test_a_hessian(self) -> None:
        report = cr.check(lambda x: np.sum(x**3), x, order=2, against=lambda x: np.diag(3 * x))
        assert "multiply it by 2" in str(report)

    def test_two_arguments_each_with_its_error(self) -> None:
        report = cr.check(mse, w, b, against=lambda w, b: (-right(w, b)[0], 2 * right(w, b)[1]))
        assert report.diagnosis is not None
        assert "w: a sign" in report.diagnosis
        assert "b: a factor" in report.diagnosis

    def test_a_wrong_rule_goes_first(self) -> None:
        wrong = cr.elementwise(np.sin, "s({0})", (lambda out, x: -np.cos(x),))
        report = cr.check(lambda x: np.sum(wrong(x)), x, against=np.cos)
        assert not report
        assert not report.yours


class TestMisuse:
    def test_order(self) -> None:
        with pytest.raises(ArgumentError, match="order is 3"):
            cr.check(np.sin, x, order=3)

    def test_nothing_varies(self) -> None:
        with pytest.raises(NotDifferentiable, match="no argument of"):
            cr.check(lambda n: n * 2, 3)
        with pytest.raises(NotScalar, match="returns nothing that has a derivative"):
            cr.check(lambda x: "text", x)

    def test_too_many_answers(self) -> None:
        with pytest.raises(ArgumentError, match="gives 3 arrays"):
            cr.check(mse, w, b, against=lambda w, b: (w, b, b))

    def test_undecided_is_not_right(self) -> None:
        report = cr.check(lambda x: np.sum(np.sign(x)) * 0.0 + np.nan * np.sum(x), x)
        assert not report
        assert "UNDECIDED" in str(report)
