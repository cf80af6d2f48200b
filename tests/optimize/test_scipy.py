"""``minimize`` in the place of SciPy's: the same calls, methods, options, callbacks and fields."""

import warnings

import chainrule as cr
import numpy as np
import pytest
import scipy.optimize as scipys

METHODS = [
    "Nelder-Mead", "Powell", "CG", "BFGS", "Newton-CG", "L-BFGS-B", "TNC", "COBYLA", "COBYQA", "SLSQP",
    "trust-constr", "dogleg", "trust-ncg", "trust-exact", "trust-krylov",
]  # fmt: skip
NO_SLOPE = ("Nelder-Mead", "Powell", "COBYLA", "COBYQA")
HESSIAN = ("Newton-CG", "trust-constr", "dogleg", "trust-ncg", "trust-exact", "trust-krylov")
A = np.array([[3.0, 1, 0], [1, 4, 1], [0, 1, 5]])


def rosen(x, a=1.0, b=100.0):
    return np.sum(b * (x[1:] - x[:-1] ** 2) ** 2 + (a - x[:-1]) ** 2)


def form(x, A, b):
    return 0.5 * x @ A @ x - b @ x


def waves(x, c):
    return np.sum(np.cosh(x - c) + 0.1 * np.sin(3 * x))


PROBLEMS = {
    "rosenbrock": (rosen, np.array([-1.2, 1.0, 0.5]), ()),
    "with numbers": (rosen, np.array([-1.2, 1.0]), (1.5, 20.0)),
    "a form": (form, np.zeros(3), (A, np.array([1.0, 2.0, 3.0]))),
    "one argument, no tuple": (waves, np.zeros(4), np.array([1.0, -2, 0.5, 0])),
}


def both(f, x0, args, method, **given):
    """SciPy's result with exact derivatives given by hand, and ours."""
    further = {}
    if method not in NO_SLOPE:
        further["jac"] = lambda x, *rest: cr.grad(f)(x, *rest)
    if method in HESSIAN:
        further["hess"] = lambda x, *rest: cr.hessian(f)(x, *rest)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = scipys.minimize(f, x0, args, method, **further, **given)
    return theirs, cr.minimize(f, x0, args, method, **given)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", PROBLEMS)
def test_every_method_goes_the_same_way(name, method) -> None:
    if method in ("COBYLA", "COBYQA") and PROBLEMS[name][0] is rosen:
        pytest.skip("thousands of steps of SciPy's, in Python")
    theirs, ours = both(*PROBLEMS[name], method)
    near = 2e-3 if method == "COBYLA" else 1e-4  # whose way depends on the last bits
    np.testing.assert_allclose(ours.x, theirs.x, rtol=near, atol=near)
    np.testing.assert_allclose(ours.fun, theirs.fun, rtol=1e-6, atol=1e-6)
    assert ours.success == theirs.success
    assert {"x", "fun", "jac", "nfev", "success", "status", "message"} <= set(ours)
    assert set(theirs) - set(ours) <= {"hess"}  # of which there are products instead
    if method not in ("trust-constr", "Newton-CG", "trust-krylov"):  # Hessian there, products here
        assert ours.get("nit") == theirs.get("nit")
    assert isinstance(ours, scipys.OptimizeResult)
    assert ours["x"] is ours.x


@pytest.mark.parametrize(
    "method", ["Nelder-Mead", "Powell", "L-BFGS-B", "TNC", "COBYLA", "COBYQA", "SLSQP", "trust-constr"]
)
@pytest.mark.parametrize(
    "bounds", [[(0.2, 0.8), (None, 0.5)], scipys.Bounds([0.2, -np.inf], [0.8, 0.5])]
)
def test_bounds_in_either_form(method, bounds) -> None:
    theirs, ours = both(rosen, np.array([0.5, 0.0]), (), method, bounds=bounds)
    np.testing.assert_allclose(ours.x, theirs.x, atol=2e-3)
    np.testing.assert_allclose(ours.fun, theirs.fun, atol=1e-4)


@pytest.mark.parametrize("method", ["COBYLA", "COBYQA", "SLSQP", "trust-constr", None])
@pytest.mark.parametrize(
    "constraints",
    [
        {"type": "ineq", "fun": lambda x: 1 - x @ x},
        ({"type": "eq", "fun": lambda x: x[0] + x[1] - 1}, {"type": "ineq", "fun": lambda x: x[0] - 0.1}),
        scipys.LinearConstraint([[1.0, 2.0]], -np.inf, 1.0),
        [scipys.NonlinearConstraint(lambda x: x[0] ** 2 + x[1], -np.inf, 0.8), scipys.LinearConstraint([[1.0, 0.0]], 0.0, 1.0)],
    ],
    ids=["ineq", "eq and ineq", "linear", "both"],
)  # fmt: skip
def test_constraints_in_every_form(method, constraints) -> None:
    start = np.array([0.5, 0.2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = scipys.minimize(rosen, start, method="SLSQP", constraints=constraints, tol=1e-12)
    ours = cr.minimize(rosen, start, method=method, constraints=constraints)
    assert ours.success, ours.message
    np.testing.assert_allclose(ours.x, theirs.x, atol=5e-3)
    assert ours.violation < 1e-3


def test_options_tol_and_both_forms_of_callback() -> None:
    points, whole = [], []

    def new(intermediate_result):
        whole.append((intermediate_result.x.copy(), intermediate_result.fun))

    for method in ("BFGS", "L-BFGS-B", "newton", "least-squares", None):
        points.clear()
        whole.clear()
        cr.minimize(rosen, [-1.2, 1.0], method=method, callback=lambda x: points.append(x.copy()))
        cr.minimize(rosen, [-1.2, 1.0], method=method, callback=new)
        assert len(points) == len(whole) > 3
        np.testing.assert_array_equal(points[-1], whole[-1][0])
        assert whole[-1][1] == pytest.approx(rosen(whole[-1][0]), abs=1e-12)
    short = cr.minimize(rosen, [-1.2, 1.0], method="BFGS", options={"maxiter": 2, "disp": False})
    assert short.nit == 2
    assert not short.success
    loose = cr.minimize(rosen, [-1.2, 1.0], method="CG", tol=1e-1)
    assert loose.nit < cr.minimize(rosen, [-1.2, 1.0], method="CG").nit
    assert cr.minimize(rosen, [-1.2, 1.0], method="BFGS", options={"return_all": True}).allvecs


def test_users_own_derivatives_in_scipys_forms() -> None:
    for jac in (None, "2-point", "3-point", "cs", False):
        assert cr.minimize(rosen, [-1.2, 1.0], jac=jac, method="BFGS").success
    for hess in (None, "2-point", scipys.BFGS()):
        found = cr.minimize(rosen, [-1.2, 1.0], hess=hess, method="trust-constr")
        np.testing.assert_allclose(found.x, 1, atol=1e-5)
    both = cr.minimize(lambda x, a: (rosen(x, a), cr.grad(rosen)(x, a)), [-1.2, 1.0], 1.0, jac=True)
    np.testing.assert_allclose(both.x, 1, atol=1e-6)
    hessp = cr.minimize(
        rosen, [-1.2, 1.0], jac=cr.grad(rosen), hessp=cr.hvp(rosen), method="Newton-CG"
    )
    np.testing.assert_allclose(hessp.x, 1, atol=1e-4)
