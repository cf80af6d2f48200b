"""Primitives of the user's own: elementwise rows, and functions with a rule."""

import pickle
from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.errors import ArgumentError, NotHolomorphic
from numpy.testing import assert_allclose, assert_array_equal
from scipy.interpolate import CubicSpline

soft_root = cr.elementwise(
    lambda x: np.sqrt(1.0 + x**2), "softroot({0})", partials=(lambda out, x: x / out,)
)
knots = np.linspace(0, 4, 9)
spline = CubicSpline(knots, np.sin(knots))
x = np.array([0.5, 1.0, 3.0])


class TestElementwise:
    def test_on_plain_arrays_it_computes(self) -> None:
        assert_array_equal(soft_root(x), np.sqrt(1 + x**2))
        assert soft_root.name == "softroot"

    def test_derivatives_of_every_order(self) -> None:
        assert_allclose(cr.grad(lambda x: np.sum(soft_root(x)))(x), x / soft_root(x), rtol=1e-14)
        hessian = cr.hessian(lambda x: np.sum(soft_root(x)))(x)
        assert_allclose(hessian, np.diag(soft_root(x) ** -3.0), rtol=1e-12)
        third = cr.derivative(soft_root, order=3)(x)
        assert_allclose(third, -3 * x * soft_root(x) ** -5.0, rtol=1e-12)
        assert cr.check(soft_root, x, order=2)

    def test_two_arguments_broadcast(self) -> None:
        ratio = cr.elementwise(
            lambda x, y: x / (1 + y**2),
            "ratio({0}, {1})",
            partials=(
                lambda out, x, y: 1 / (1 + y**2),
                lambda out, x, y: -2 * y * out / (1 + y**2),
            ),
        )
        y = np.array([[1.0], [2.0]])
        assert cr.check(lambda x, y: ratio(x, y), x, y, order=2)
        assert cr.jvp(ratio, (x, y), (x, y))[1].shape == (2, 3)

    def test_float32_stays_float32(self) -> None:
        gradient = cr.grad(lambda x: np.sum(soft_root(x) * 2.0))(x.astype(np.float32))
        assert gradient.dtype == np.float32

    def test_vmap(self) -> None:
        batch = np.stack([x, 2 * x])
        assert_array_equal(cr.vmap(soft_root)(batch), soft_root(batch))

    def test_a_complex_argument_needs_a_promise(self) -> None:
        z = np.array([1.0 + 1.0j])
        with pytest.raises(NotHolomorphic, match="holomorphic=True"):
            cr.grad(lambda z: np.abs(soft_root(z)[0]))(z)
        promised = cr.elementwise(
            lambda z: z**3, "cube({0})", (lambda out, z: 3 * z**2,), holomorphic=True
        )
        assert cr.check(lambda z: np.sum(np.abs(promised(z)) ** 2), z)

    def test_it_is_pickled_by_its_name(self) -> None:
        assert pickle.loads(pickle.dumps(soft_root)) is soft_root  # noqa: S301 - our own

    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda: cr.elementwise(3.0, "f({0})", (1,)), "takes the function"),  # type: ignore[arg-type]
            (lambda: cr.elementwise(np.sin, "f({0})", np.cos), "with the comma"),  # type: ignore[arg-type]
            (lambda: soft_root(x, x), "one partial for each argument"),
        ],
    )
    def test_misuse(self, make: Callable[[], Any], words: str) -> None:
        with pytest.raises(ArgumentError, match=words):
            make()

    def test_a_partial_of_another_shape_is_refused(self) -> None:
        wrong = cr.elementwise(np.sin, "s({0})", (lambda out, x: np.stack([x, x]),))
        with pytest.raises(ArgumentError, match="partial 0 of sin has shape"):
            cr.grad(lambda x: np.sum(wrong(x)))(x)


def by_jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
    (x,), (t,) = primals, tangents
    return spline(x, 1) * t


def by_vjp(primals: tuple[Any, ...], cotangent: Any) -> Any:
    return spline(primals[0], 1) * cotangent


def strict_jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
    """Compiled code gets the tangent too, so it can only be transposed column by column."""
    return np.array(spline(primals[0], 1).tolist()) * np.array(tangents[0].tolist(), float)


class TestCompiledCode:
    rules = pytest.mark.parametrize(
        "smooth",
        [
            cr.custom_derivative(lambda x: spline(x), jvp=by_jvp),
            cr.custom_derivative(lambda x: spline(x), vjp=by_vjp),
            cr.custom_derivative(lambda x: spline(x), jvp=strict_jvp),
        ],
        ids=["jvp", "vjp", "opaque in its tangents"],
    )

    @rules
    def test_both_modes(self, smooth: Any) -> None:
        slopes = spline(x, 1)
        assert_array_equal(smooth(x), spline(x))
        gradient = cr.grad(lambda x: np.sum(smooth(x) ** 2))(x)
        assert_allclose(gradient, 2 * spline(x) * slopes, rtol=1e-14)
        assert_allclose(cr.jvp(smooth, (x,), (x,))[1], slopes * x, rtol=1e-14)
        assert_allclose(cr.jacobian(smooth)(x), np.diag(slopes), rtol=1e-14)
        assert cr.check(lambda x: np.sum(smooth(x) ** 2), x)

    @rules
    def test_vmap_loops(self, smooth: Any) -> None:
        batch = np.stack([x, x / 2])
        assert_allclose(cr.vmap(smooth)(batch), spline(batch))
        gradients = cr.vmap(cr.grad(lambda x: np.sum(smooth(x) ** 2)))(batch)
        assert_allclose(gradients, 2 * spline(batch) * spline(batch, 1), rtol=1e-14)

    @rules
    def test_a_second_derivative(self, smooth: Any) -> None:
        """The rule calls splines of SciPy, which are traced by name."""
        hessian = cr.hessian(lambda x: np.sum(smooth(x)))(x)
        assert_allclose(hessian, np.diag(spline(x, 2)), rtol=1e-12)

    def test_a_second_derivative_where_the_parts_have_rules(self) -> None:
        def nth(n: int) -> Any:
            return cr.custom_derivative(
                lambda x: spline(x, n), jvp=lambda p, t: nth(n + 1)(p[0]) * t[0]
            )

        hessian = cr.hessian(lambda x: np.sum(nth(0)(x)))(x)
        assert_allclose(hessian, np.diag(spline(x, 2)), rtol=1e-14)


class TestRulesInNumPy:
    A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])

    def function(self, x: Any) -> Any:
        return np.sin(self.A @ x)

    def pairs(self) -> list[Any]:
        A = self.A
        return [
            cr.custom_derivative(self.function, jvp=lambda p, t: np.cos(A @ p[0]) * (A @ t[0])),
            cr.custom_derivative(self.function, vjp=lambda p, c: (A.T @ (np.cos(A @ p[0]) * c),)),
        ]

    @pytest.mark.parametrize("k", [0, 1], ids=["jvp", "vjp"])
    def test_every_order_and_mode(self, k: int) -> None:
        custom = self.pairs()[k]

        def f(x: Any) -> Any:
            return np.sum(custom(x) ** 2)

        def plain(x: Any) -> Any:
            return np.sum(self.function(x) ** 2)

        assert_allclose(cr.grad(f)(x), cr.grad(plain)(x), rtol=1e-12)
        assert_allclose(cr.hessian(f)(x), cr.hessian(plain)(x), rtol=1e-10)
        assert_allclose(cr.jacobian(custom)(x), cr.jacobian(self.function)(x), rtol=1e-12)
        assert_allclose(cr.hvp(f)(x, x), cr.hvp(plain)(x, x), rtol=1e-10)
        assert cr.check(f, x, order=2)

    @pytest.mark.parametrize("k", [0, 1], ids=["jvp", "vjp"])
    def test_changes_of_its_surroundings_are_seen(self, k: int) -> None:
        self.A = self.A.copy()
        custom = self.pairs()[k]
        before = cr.jacobian(custom)(x)
        self.A *= 2
        after = cr.jacobian(custom)(x)
        assert_allclose(after, cr.jacobian(self.function)(x), rtol=1e-12)
        assert not np.allclose(before, after)

    def test_a_rule_may_use_the_function_itself(self) -> None:
        calls = []

        def compute(x: Any) -> Any:
            calls.append(x)
            return np.exp(x)

        exp = cr.custom_derivative(compute, jvp=lambda p, t: exp(p[0]) * t[0])
        for order in range(4):
            assert_allclose(cr.derivative(exp, order=order)(0.3), np.exp(0.3), rtol=1e-15)

    def test_two_rules_may_use_each_other(self) -> None:
        sin = cr.custom_derivative(lambda x: np.sin(x), jvp=lambda p, t: cos(p[0]) * t[0])
        cos = cr.custom_derivative(lambda x: np.cos(x), jvp=lambda p, t: -sin(p[0]) * t[0])
        found = [float(cr.derivative(sin, order=k)(0.3)) for k in range(5)]
        s, c = np.sin(0.3), np.cos(0.3)
        assert_allclose(found, [s, c, -s, -c, s], rtol=1e-15)

    def test_nested_arguments_and_results(self) -> None:
        two = cr.custom_derivative(
            lambda d: {"s": np.sin(d["a"]), "p": d["a"] * d["b"]},
            jvp=lambda p, t: {
                "s": np.cos(p[0]["a"]) * t[0]["a"],
                "p": p[0]["a"] * t[0]["b"] + t[0]["a"] * p[0]["b"],
            },
        )

        def f(a: Any, b: Any) -> Any:
            found = two({"a": a, "b": b})
            return np.sum(found["s"] * found["p"])

        assert cr.check(f, x, 2 * x, order=2)

    def test_options_and_defaults(self) -> None:
        power = cr.custom_derivative(
            lambda x, n=2: x**n, vjp=lambda p, c: (p[1] * p[0] ** (p[1] - 1) * c, None)
        )
        assert_allclose(cr.grad(lambda x: np.sum(power(x)))(x), 2 * x)
        assert_allclose(cr.grad(lambda x: np.sum(power(x, n=3)))(x), 3 * x**2)

    def test_a_branch_in_a_rule(self) -> None:
        bent = cr.custom_derivative(
            lambda x: np.where(x > 1, x**2, x),
            jvp=lambda p, t: 2 * p[0] * t[0] if p[0] > 1 else t[0],
        )
        assert float(cr.grad(bent)(0.5)) == 1.0
        assert float(cr.grad(bent)(3.0)) == 6.0
        assert_array_equal(cr.vmap(cr.grad(bent))(np.array([0.5, 3.0])), [1.0, 6.0])

    def test_complex_numbers(self) -> None:
        square = cr.custom_derivative(lambda z: z**2, jvp=lambda p, t: 2 * p[0] * t[0])
        z = np.array([1.0 + 2.0j, 0.5j])
        assert cr.check(lambda z: np.sum(np.abs(square(z)) ** 2), z, order=2)
        back = cr.custom_derivative(lambda z: z**2, vjp=lambda p, c: np.conj(2 * p[0]) * c)
        assert cr.check(lambda z: np.sum(np.abs(back(z)) ** 2), z, order=2)
        with pytest.raises(NotHolomorphic):
            cr.jacobian(square)(z)


class TestRefusals:
    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda: cr.custom_derivative(np.sin), "one rule, and was given none"),
            (lambda: cr.custom_derivative(np.sin, jvp=by_jvp, vjp=by_vjp), "was given two"),
            (lambda: cr.custom_derivative(1.0, jvp=by_jvp), "takes a function"),  # type: ignore[arg-type]
        ],
    )
    def test_misuse(self, make: Callable[[], Any], words: str) -> None:
        with pytest.raises(ArgumentError, match=words):
            make()

    def test_a_tangent_of_the_wrong_shape(self) -> None:
        wrong = cr.custom_derivative(lambda x: x**2, jvp=lambda p, t: (2 * p[0] * t[0])[:, None])
        with pytest.raises(ArgumentError, match=r"the jvp of .* shape \(3, 1\).* \(3,\)"):
            cr.grad(lambda x: np.sum(wrong(x)))(x)

    def test_too_few_cotangents(self) -> None:
        wrong = cr.custom_derivative(lambda x, y: x * y, vjp=lambda p, c: (p[1] * c,))
        with pytest.raises(ArgumentError, match="one entry for each of 2"):
            cr.grad(lambda x: np.sum(wrong(x, x)))(x)

    def test_a_traced_value_from_around_would_lose_its_derivative(self) -> None:
        def f(y: Any) -> Any:
            inner = cr.custom_derivative(lambda x: x * y, jvp=lambda p, t: t[0] * y)
            return cr.grad(lambda x: np.sum(inner(x)))(y)[0]

        with pytest.raises(ArgumentError, match="pass it as an argument"):
            cr.grad(f)(x)
