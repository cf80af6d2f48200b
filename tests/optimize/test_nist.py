"""NIST's certified parameters and standard deviations, from both of NIST's starts."""

import chainrule as cr
import numpy as np
import pytest
from tests.optimize.nist import MODELS, digits, load

#: Its data are a sum of three exponentials to 14 digits: what is left over is rounding, and so is
#: the standard deviation that is certified.
ROUNDING = {"Lanczos1"}


@pytest.mark.parametrize("start", [0, 1], ids=["far", "near"])
@pytest.mark.parametrize("name", MODELS)
def test_certified_values_to_six_digits(name, start) -> None:
    p = load(name)
    found = cr.least_squares(lambda b, x, y: p.model(b, x) - y, p.starts[start], args=(p.x, p.y))
    assert found.success, found.message
    assert found.curvature == "minimum"
    assert digits(found.x, p.parameters) >= 6
    if name not in ROUNDING:
        assert digits(found.standard_errors(), p.deviations) >= 6
        assert digits(2 * found.cost, p.sum_of_squares) >= 9


@pytest.mark.parametrize("method", ["lm", "dogbox", "gauss-newton"])
@pytest.mark.parametrize("name", ["Misra1a", "Chwirut2", "Gauss1", "DanWood", "Roszman1"])
def test_every_method_finds_the_lower_level(name, method) -> None:
    p = load(name)
    found = cr.least_squares(lambda b: p.model(b, p.x) - p.y, p.starts[1], method=method)
    assert found.success, found.message
    assert digits(found.x, p.parameters) >= 6
    assert digits(found.standard_errors(), p.deviations) >= 6


@pytest.mark.parametrize("name", ["Misra1b", "Rat43", "ENSO", "MGH09"])
def test_curve_fit_has_the_certified_values(name) -> None:
    p = load(name)
    popt, pcov = cr.curve_fit(lambda x, *b: p.model(b, x), p.x, p.y, p.starts[1])
    assert digits(popt, p.parameters) >= 8
    assert digits(np.sqrt(np.diag(pcov)), p.deviations) >= 8
