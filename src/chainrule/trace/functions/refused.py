"""Functions that are not differentiated: why, and what to write instead.

The table is read by the errors, and by the generator of ``docs/coverage.md``. A test holds every
public name of the namespaces there to be in it, or to differentiate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import UnsupportedFunction
from ..site import here

#: The reason, what to write instead, the module, and its functions.
_GROUPS: tuple[tuple[str, str, str, str], ...] = (
    (
        "it is a distance between numbers of the machine, constant between powers of 2",
        "np.finfo(x.dtype).eps * np.abs(x)",
        "np",
        "spacing",
    ),
    (
        "its factors depend on vectors that are not unique",
        "scipy.linalg.eigh, eig, qr or sqrtm, or a function of the matrix",
        "scipy.linalg",
        "schur rsf2csf hessenberg qz ordqz cossin matrix_balance cdf2rdf",
    ),
    (
        "how it pivots depends on the values, and in blocks of 2 by 2",
        "scipy.linalg.cholesky, lu or eigh",
        "scipy.linalg",
        "ldl",
    ),
    (
        "it calls a Python function on eigenvalues, of which nothing is known",
        "scipy.linalg.expm, logm, sqrtm, cosm or sinm",
        "scipy.linalg",
        "funm",
    ),
    (
        "it is an estimate, not a smooth function",
        "the condition number np.linalg.cond",
        "scipy.linalg",
        "expm_cond",
    ),
    (
        "it updates a factorization in place",
        "np.linalg.qr of the updated matrix",
        "scipy.linalg",
        "qr_delete qr_insert qr_update qr_multiply",
    ),
    (
        "it draws random numbers of its own",
        "a product with a matrix that is drawn beforehand",
        "scipy.linalg",
        "clarkson_woodruff_transform",
    ),
    (
        "it is a matrix of integers",
        "np.diag and np.concatenate",
        "scipy.linalg",
        "fiedler_companion",
    ),
    (
        "its values are only right to four or five digits in SciPy itself",
        "the integral of scipy.special.airy, by quadrature",
        "scipy.special",
        "itairy",
    ),
    (
        "SciPy computes NaN for it in single precision",
        "scipy.special.pbdv",
        "scipy.special",
        "pbvv",
    ),
    (
        "the argument of a zeta function has no closed derivative",
        "scipy.special.zeta by its second argument",
        "scipy.special",
        "zetac",
    ),
    (
        "no formula for its derivative is known in these functions",
        "a series or an integral of your own",
        "scipy.special",
        (
            "besselpoly elliprg elliprj modfresnelm modfresnelp smirnov smirnovi lmbda "
            "ellip_harm ellip_harm_2 ellip_normal stirling2 factorial2 factorialk"
        ),
    ),
    (
        "it is the inverse by a parameter, whose derivative has no formula here",
        "scipy.special.gammainc, betainc or stdtr with scipy.optimize.brentq",
        "scipy.special",
        "bdtrik bdtrin nbdtrik nbdtrin chndtridf chndtrinc fdtridfd",
    ),
    (
        "the noncentral distributions are series without a closed derivative",
        "scipy.special.chndtr, or an integral of the density",
        "scipy.special",
        "ncfdtr ncfdtri ncfdtridfd ncfdtridfn ncfdtrinc nctdtr nctdtridf nctdtrinc nctdtrit",
    ),
    (
        "Mathieu and spheroidal functions depend on an eigenvalue without a closed derivative",
        "scipy.integrate.solve_ivp with their differential equation",
        "scipy.special",
        (
            "mathieu_a mathieu_b mathieu_cem mathieu_sem mathieu_modcem1 mathieu_modcem2 "
            "mathieu_modsem1 mathieu_modsem2 mathieu_even_coef mathieu_odd_coef obl_ang1 "
            "obl_ang1_cv obl_cv obl_cv_seq obl_rad1 obl_rad1_cv obl_rad2 obl_rad2_cv pro_ang1 "
            "pro_ang1_cv pro_cv pro_cv_seq pro_rad1 pro_rad1_cv pro_rad2 pro_rad2_cv"
        ),
    ),
    (
        "it returns whole tables of orders",
        "the function of one order: eval_legendre, lpmv, sph_harm_y, spherical_jn, pbdv",
        "scipy.special",
        (
            "assoc_legendre_p assoc_legendre_p_all legendre_p legendre_p_all sph_legendre_p "
            "sph_legendre_p_all sph_harm_y_all lqn lqmn riccati_jn riccati_yn pbdn_seq "
            "pbdv_seq pbvv_seq"
        ),
    ),
)

#: The function as a program writes it -> why it is refused, and what to write instead.
REFUSED: dict[str, tuple[str, str]] = {
    f"{module}.{name}": (reason, instead)
    for reason, instead, module, names in _GROUPS
    for name in names.split()
}


def message(what: str, reason: str, instead: str) -> str:
    """The error for a function of the table."""
    return (
        f"{what} has no derivative here: {reason}. Use {instead}, or give the step a derivative of "
        "its own with chainrule.custom_derivative."
    )


def _refusing(what: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise UnsupportedFunction(message(what, *REFUSED[what]), here())

    return refuse


#: SciPy's functions by name: called on a traced value, they say why.
FUNCTIONS: dict[Any, Callable[..., Any]] = {
    what: _refusing(what) for what in REFUSED if what.startswith("scipy.")
}
