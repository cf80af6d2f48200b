"""Every error says what was wrong in the user's words, on which line, and what to write instead."""

import doctest
import struct
import warnings
from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
import scipy.special
from chainrule import errors

x = np.array([1.0, 2.0, 3.0])


def raised(call: Callable[[], Any], kind: type[cr.errors.ChainruleError]) -> Any:
    with pytest.raises(kind) as caught:
        call()
    error: Any = caught.value
    first, _, rest = error.message.partition(". ")
    assert first, "the first sentence says what was wrong"
    assert rest, "the second what to write instead"
    return error


def shows(error: Any, source: str) -> None:
    """The error carries the user's line."""
    assert error.site is not None
    assert error.site.filename == __file__
    assert error.site.source == source
    assert source in str(error)


class TestNotScalar:
    @pytest.mark.parametrize("verb", [cr.grad, cr.value_and_grad, cr.hessian])
    def test_an_array(self, verb: Any) -> None:
        def f(x: Any) -> Any:
            doubled = 2 * x
            return doubled**2

        error = raised(lambda: verb(f)(x), errors.NotScalar)
        assert "array of shape (3,)" in str(error)
        assert "jacobian" in str(error)
        assert "vjp" in str(error)
        shows(error, "return doubled**2")

    def test_one_element_is_one_number(self) -> None:
        matrix = np.array([[2.0, 1.0], [0.0, 3.0]])

        def f(w: Any) -> Any:
            residual = matrix @ w - 1
            return residual.T @ residual

        w = np.array([[0.5], [1.5]])
        value, gradient = cr.value_and_grad(f)(w)
        assert value.shape == (1, 1)
        np.testing.assert_allclose(gradient, 2 * matrix.T @ (matrix @ w - 1))
        np.testing.assert_allclose(cr.hessian(f)(w)[:, 0, :, 0], 2 * matrix.T @ matrix)
        np.testing.assert_allclose(cr.jit(cr.hvp(f))(w, w), 2 * matrix.T @ matrix @ w)
        with pytest.raises(errors.NotScalar, match="shape"):
            cr.grad(lambda w: w[:0])(w)

    def test_a_complex_number(self) -> None:
        error = raised(lambda: cr.grad(lambda z: z**2)(1.0 + 1.0j), errors.NotScalar)
        assert "complex" in str(error)
        assert "real part" in str(error)

    def test_several_values(self) -> None:
        error = raised(lambda: cr.grad(lambda x: (x[0], x[1]))(x), errors.NotScalar)
        assert "a tuple of 2 values" in str(error)
        assert "has_aux" in str(error)

    def test_it_is_a_type_error_too(self) -> None:
        with pytest.raises(TypeError):
            cr.grad(lambda x: x)(x)


class TestNotDifferentiable:
    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (np.array([1, 2]), "an integer array (int64)"),
            (3, "an integer (int64)"),
            (True, "a boolean (bool)"),
            (np.array([True]), "a boolean array (bool)"),
            ("text", "a str, which is not an array of numbers"),
        ],
    )
    def test_it_names_the_argument(self, value: Any, words: str) -> None:
        error = raised(lambda: cr.grad(lambda weight: weight)(value), errors.NotDifferentiable)
        assert "the argument weight is " + words in str(error)

    def test_it_says_how_to_convert(self) -> None:
        error = raised(lambda: cr.grad(np.sum)(np.array([1, 2])), errors.NotDifferentiable)
        assert "np.asarray(" in str(error)
        assert ", float)" in str(error)

    def test_in_a_nested_argument(self) -> None:
        error = raised(
            lambda: cr.grad(lambda p: p["w"] * p["n"])({"w": 1.0, "n": 2}), errors.NotDifferentiable
        )
        assert "p['n']" in str(error)


class TestUnknownArgument:
    def test_the_closest_name_is_suggested(self) -> None:
        def area(width: float, height: float) -> float:
            return width * height

        error = raised(lambda: cr.grad(area, wrt="heigth"), errors.UnknownArgument)
        assert "area has no argument 'heigth'" in str(error)
        assert "it takes width, height" in str(error)
        assert "Did you mean 'height'?" in str(error)
        assert error.site.function == "area"

    def test_a_path(self) -> None:
        f = cr.grad(lambda params: params["weight"] ** 2, wrt="params['wieght']")
        error = raised(lambda: f({"weight": 1.0, "bias": 2.0}), errors.UnknownArgument)
        assert "there is params['weight'], params['bias']" in str(error)
        assert "Did you mean \"params['weight']\"?" in str(error)

    def test_what_is_no_name(self) -> None:
        raised(lambda: cr.grad(np.sin, wrt="x + 1"), errors.UnknownArgument)

    @pytest.mark.parametrize("keyword", ["argnums", "argnum"])
    def test_words_of_other_libraries(self, keyword: str) -> None:
        error = raised(lambda: cr.grad(np.sin, **{keyword: 0}), errors.WrongKeyword)  # type: ignore[arg-type]
        assert "grad(f, wrt=0)" in str(error)


class TestCutDerivative:
    def test_a_conversion(self) -> None:
        def f(x: Any) -> Any:
            return struct.unpack("d", struct.pack("d", np.sin(x)))[0] * x

        error = raised(lambda: cr.grad(f)(1.0), errors.CutDerivative)
        assert "np.sin" in str(error)
        assert error.site.source.startswith("return struct.unpack(")

    def test_a_constant_may_be_converted(self) -> None:
        gradient = cr.grad(lambda x: float(cr.stop_gradient(x)) * x + float(x > 1))
        assert float(gradient(3.0)) == 3.0


class TestUnsupportedFunction:
    def test_it_is_named_with_the_line_and_what_to_use(self) -> None:
        def f(x: Any) -> Any:
            return np.sum(np.spacing(x))

        error = raised(lambda: cr.grad(f)(x), errors.UnsupportedFunction)
        assert "np.spacing" in str(error)
        assert "custom_derivative" in str(error)
        shows(error, "return np.sum(np.spacing(x))")

    def test_a_function_of_scipy(self) -> None:
        error = raised(
            lambda: cr.grad(lambda x: np.sum(scipy.special.zetac(x)))(x / 4),
            errors.UnsupportedFunction,
        )
        assert "scipy.special.zetac" in str(error)


class TestShapeMismatch:
    """The line is the user's, never ours, and the shapes are on it."""

    X = np.ones((3, 2))

    @pytest.mark.parametrize(
        ("f", "words"),
        [
            (lambda x: np.sum(TestShapeMismatch.X @ x), ["np.matmul", "(3, 2)", "(3,)"]),
            (lambda x: np.sum(np.ones(2) + x), ["np.add", "(2,)", "(3,)", "broadcast"]),
            (lambda x: np.sum(np.reshape(x, (2, 2))), ["np.reshape", "(3,)", "(2,2)"]),
            (lambda x: np.concatenate([x, TestShapeMismatch.X])[0], ["np.concatenate", "(3, 2)"]),
            (lambda x: np.sum(np.dot(TestShapeMismatch.X, x)), ["np.dot", "(3, 2)", "(3,)"]),
            (lambda x: np.linalg.inv(np.outer(x, x)[:2])[0, 0], ["np.linalg.inv", "(2, 3)"]),
            (lambda x: np.sum(np.stack([x, x[:2]])), ["np.stack", "(3,)", "(2,)"]),
        ],
    )
    def test_functions(self, f: Callable[[Any], Any], words: list[str]) -> None:
        error = raised(lambda: cr.grad(f)(x), errors.ShapeMismatch)
        assert all(word in str(error) for word in words), str(error)
        assert error.site is not None
        assert error.site.filename == __file__

    def test_it_is_a_value_error_as_in_numpy(self) -> None:
        with pytest.raises(ValueError, match="broadcast"):
            cr.grad(lambda x: np.sum(x + np.ones(2)))(x)

    def test_the_line_inside_a_function_of_a_function(self) -> None:
        def layer(x: Any) -> Any:
            return self.X @ x

        def f(x: Any) -> Any:
            return np.sum(layer(x))

        error = raised(lambda: cr.vmap(cr.grad(f))(np.ones((4, 3))), errors.ShapeMismatch)
        shows(error, "return self.X @ x")

    def test_other_errors_stay_what_they_are(self) -> None:
        with pytest.raises(np.linalg.LinAlgError):
            cr.grad(lambda x: np.linalg.inv(np.outer(x, x))[0, 0])(np.zeros(2))
        with pytest.raises(IndexError):
            cr.grad(lambda x: x[5])(x)


class TestEndedTrace:
    def test_what_is_kept_says_how_to_return_it(self) -> None:
        kept: list[Any] = []

        def f(x: Any) -> Any:
            kept.append(x)
            return np.sum(x)

        cr.grad(f)(x)
        error = raised(lambda: kept[0] + 1, errors.EndedTrace)
        assert "has_aux" in str(error)


def norm(x: Any) -> Any:
    s = np.sum(x**2)
    return np.sqrt(s)


class TestNaNDerivative:
    """NumPy's error state for invalid operations decides, and the line is named."""

    zero = np.zeros(2)
    calls: tuple[Callable[[], Any], ...] = (
        lambda: cr.grad(norm)(np.zeros(2)),
        lambda: cr.value_and_grad(norm)(np.zeros(2)),
        lambda: cr.jacobian(norm)(np.zeros(2)),
        lambda: cr.hessian(norm)(np.zeros(2)),
        lambda: cr.jvp(norm, (np.zeros(2),), (np.ones(2),)),
        lambda: cr.vjp(norm, np.zeros(2))[1](1.0),
        lambda: cr.pullback(norm)(np.zeros(2), 1.0),
        lambda: cr.vmap(cr.grad(norm))(np.zeros((3, 2))),
    )

    @pytest.mark.parametrize("call", calls[:-1])
    def test_a_warning_by_default(self, call: Callable[[], Any]) -> None:
        with pytest.warns(RuntimeWarning, match="(?s)is NaN.*sqrt.*return np.sqrt"):
            call()

    @pytest.mark.parametrize("call", calls[:-1])
    def test_an_error_on_request(self, call: Callable[[], Any]) -> None:
        with np.errstate(invalid="raise"), pytest.raises(errors.NaNDerivative) as caught:
            call()
        shows(caught.value, "return np.sqrt(s)")
        assert isinstance(caught.value, FloatingPointError)

    @pytest.mark.parametrize("call", calls)
    def test_silence_on_request(self, call: Callable[[], Any]) -> None:
        with np.errstate(invalid="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error")
            call()

    def test_the_warning_points_to_the_call(self) -> None:
        with pytest.warns(RuntimeWarning) as caught:
            cr.grad(norm)(self.zero)
        assert caught[0].filename == __file__

    @pytest.mark.parametrize(
        "call",
        [
            lambda: cr.grad(norm)(np.array([np.nan, 1.0])),
            lambda: cr.grad(lambda x: np.sum(np.log(x)))(np.array([-1.0, 1.0])),
            lambda: cr.grad(lambda x: np.linalg.norm(x))(np.zeros(2)),
            lambda: cr.grad(lambda x: np.sqrt(x))(0.0),
        ],
        ids=["a NaN argument", "a NaN value", "a finite slope", "an infinite slope"],
    )
    def test_nothing_to_say(self, call: Callable[[], Any]) -> None:
        with np.errstate(invalid="raise"):
            call()

    def test_a_handler_is_called(self) -> None:
        seen: list[Any] = []
        before = np.seterrcall(lambda *args: seen.append(args))
        try:
            with np.errstate(invalid="call"):
                cr.grad(norm)(self.zero)
        finally:
            np.seterrcall(before)
        assert ("invalid value", 8) in seen

    def test_the_masked_branch_has_no_say(self) -> None:
        def f(x: Any) -> Any:
            safe = np.where(x > 1, np.sqrt(x - 1), 0)
            return np.sum(safe) + norm(x)

        with np.errstate(invalid="raise"), pytest.raises(errors.NaNDerivative) as caught:
            cr.grad(f)(self.zero)
        shows(caught.value, "return np.sqrt(s)")


class TestHelpPages:
    """The programs in the docstrings fail and work as they say."""

    @pytest.mark.parametrize(
        "name", [n for n in errors.__all__ if n not in ("ChainruleError", "Site")]
    )
    def test_the_page_runs(self, name: str) -> None:
        flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
        finder, runner = (
            doctest.DocTestFinder(recurse=False),
            doctest.DocTestRunner(optionflags=flags),
        )
        for test in finder.find(getattr(errors, name), name, globs={}):
            assert runner.run(test).failed == 0

    def test_messages_survive_pickling(self) -> None:
        import copy
        import pickle

        error = raised(lambda: cr.grad(lambda x: x)(x), errors.NotScalar)
        for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301 - our own
            assert str(twin) == str(error)
            assert twin.site == error.site
