"""Text of traced numbers: a program may print them, and read them back."""

import chainrule as cr
import numpy as np
import pytest


def read_back(x):
    return float(str(x)) * x + float(f"{x}") * np.float64(str(x))


def rounded(x):
    return float(f"{x:.1f}") * x + float("%.2f" % x)  # noqa: UP031


def test_a_number_that_was_written_is_the_number() -> None:
    assert cr.value_and_grad(read_back)(0.37) == (read_back(0.37), 4 * 0.37)
    assert cr.hessian(read_back)(0.37) == 4.0
    compiled = cr.jit(cr.grad(read_back))
    assert [compiled(x) for x in (0.37, 0.9)] == [4 * 0.37, 4 * 0.9]


def test_a_rounded_number_is_a_step() -> None:
    assert cr.value_and_grad(rounded)(0.37) == (rounded(0.37), 0.4)
    compiled = cr.jit(cr.grad(rounded))
    assert [compiled(x) for x in (0.37, 0.92)] == [0.4, 0.9]


def test_where_float_is_pythons_own_it_is_refused() -> None:
    own = (1.0).__class__
    with pytest.raises(cr.errors.CutDerivative, match="float"):
        cr.grad(lambda x: own(str(x)) * x)(0.37)
    with pytest.raises(cr.errors.TraceError, match="traced"):
        cr.grad(lambda x: own(repr(x)) * x)(0.37)


def test_printing(capsys: pytest.CaptureFixture[str]) -> None:
    def f(x):
        print(x, f"{x:.3f}", "%s %g" % (x, x), f"[{x!s:>6}]", np.array([x, 1.0]))  # noqa: UP031
        return x * x

    assert cr.grad(f)(0.25) == 0.5
    assert capsys.readouterr().out.startswith("0.25 0.250 0.25 0.25 [  0.25]")
