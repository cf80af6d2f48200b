"""Functions of SciPy's: the words of a reader, and sources that stand alone."""

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
import scipy.special as sp
from chainrule.errors import FormulaError

rng = np.random.default_rng(8)
x, q = np.abs(rng.normal(size=5)) + 0.3, rng.random(5) + 0.1
X, sides = rng.normal(size=(20, 5)), np.where(rng.random(20) < 0.5, -1.0, 1.0)


def probit(w):
    return -np.sum(sp.log_ndtr(sides * (X @ w)))


TEXTS = (
    (cr.grad(lambda q: np.sum(sp.rel_entr(x, q))), q, "−x ⊘ q"),
    (cr.grad(lambda m: np.sum(m - sp.xlogy(x, m))), q, "1 − x ⊘ m"),
    (cr.grad(lambda a: np.sum(sp.betaln(a, 2.5))), x, "ψ(a) − ψ(a + 5/2)"),
    (cr.grad(lambda a: np.sum(sp.gammaln(a + 3) - sp.gammaln(a))), x, "ψ(a + 3) − ψ(a)"),
    (cr.grad(lambda x: np.sum(sp.gammainc(2.5, x))), x, "(x^⊙(3/2) ⊙ exp(−x)) / Γ(5/2)"),
    (cr.grad(lambda x: np.sum(sp.betainc(2.0, 3.0, x))), q, "(x ⊙ (1 − x)^⊙2) / B(2, 3)"),
    (cr.grad(lambda x: np.sum(sp.k0e(x))), x, "k0e(x) − k1e(x)"),
    (cr.grad(lambda k: np.sum(sp.comb(7.5, k))), x, "𝟙[(k ≤ 15/2) ∧ (k ≥ 0)] ⊙ binom(15/2, k) ⊙ (ψ(17/2 − k) − ψ(k + 1))"),
    (cr.grad(lambda x: np.sum(sp.dawsn(x))), x, "dawsn′(x)"),
)  # fmt: skip


@pytest.mark.parametrize(("f", "at", "text"), TEXTS, ids=[t[2] for t in TEXTS])
def test_text(f: Callable[..., Any], at: Any, text: str) -> None:
    found = cr.formula(f)(at)
    assert found.text == text
    scope = {"x": x}
    exec(found.code(), scope)  # with NumPy and SciPy alone
    function: Any = scope["grad_f"]
    np.testing.assert_allclose(function(at), f(at), rtol=1e-12)


def test_slopes_without_cancellation_come_along() -> None:
    """Far out, ``2z erfcx(z) − 2/√π`` would be noise."""
    code = cr.formula(cr.hessian(probit))(x).code()
    scope = {"X": X, "sides": sides}
    exec(code, scope)
    w = 3e4 * x
    hessian: Any = scope["hessian_probit"]
    np.testing.assert_allclose(hessian(w), cr.hessian(probit)(w), rtol=1e-10)


@pytest.mark.parametrize("dialect", ["jax", "torch"])
def test_what_another_library_lacks_is_refused(dialect: str) -> None:
    for f in (cr.hessian(probit), cr.grad(lambda x: np.sum(sp.k1(x)))):
        found = cr.formula(f)(x)
        with pytest.raises(FormulaError, match="so there is no code of this formula for it"):
            found.code(dialect)
