"""The families of ``scipy.stats`` by their argument, shapes, location and scale."""

from typing import Any

import numpy as np
import pytest
import scipy.stats as st
from tests.trace.agreement import assert_agrees, weighted

FAMILIES: dict[str, tuple[float, ...]] = {
    "norm": (), "t": (4.2,), "gamma": (2.3,), "beta": (2.1, 3.2), "expon": (), "chi2": (3.3,),
    "lognorm": (0.7,), "cauchy": (), "laplace": (), "logistic": (), "uniform": (), "weibull_min": (1.7,),
    "weibull_max": (1.7,), "pareto": (2.5,), "gumbel_r": (), "gumbel_l": (), "rayleigh": (), "maxwell": (),
    "invgamma": (3.1,), "invgauss": (0.8,), "f": (4.1, 7.2), "genextreme": (-0.2,), "genpareto": (0.3,),
    "halfnorm": (), "halfcauchy": (), "nakagami": (1.4,), "triang": (0.4,), "truncnorm": (-1.2, 2.3),
    "skewnorm": (1.1,), "exponnorm": (1.2,), "loggamma": (1.8,), "fisk": (2.2,), "burr12": (2.1, 1.3),
    "gompertz": (0.8,), "powerlaw": (1.9,),
}  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_densities_and_distribution_functions(name: str) -> None:
    family, shapes = getattr(st, name), FAMILIES[name]
    count = len(shapes)
    points = 1.3 * family.ppf([0.23, 0.61], *shapes) + 0.2

    def called(method: str, p: Any) -> Any:
        given = [p[k] for k in range(count)]
        return weighted(
            getattr(family, method)(p[count + 2 :], *given, loc=p[count], scale=p[count + 1])
        )

    place = np.array([*shapes, 0.2, 1.3, *points])
    assert_agrees(lambda p: called("logpdf", p), place)
    assert_agrees(lambda p: called("cdf", p) + called("sf", p), place, second=False)


@pytest.mark.parametrize("name", ["norm", "gamma", "beta", "t", "weibull_min", "exponnorm"])
def test_quantiles(name: str) -> None:
    family, shapes = getattr(st, name), FAMILIES[name]

    def f(p: Any) -> Any:
        return weighted(family.ppf(np.array([0.23, 0.61]), *p[2:], loc=p[0], scale=p[1]))

    assert_agrees(f, np.array([0.2, 1.3, *shapes]), second=False)


def test_outside_of_the_support_nothing_moves() -> None:
    import chainrule as cr

    assert cr.grad(lambda p: st.gamma.pdf(-1.0, p))(2.0) == 0
    assert cr.grad(lambda p: st.uniform.cdf(2.0, 0.0, p))(1.0) == 0
