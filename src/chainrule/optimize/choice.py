"""Which method suits a problem, and why; what each method needs and can take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .matrices import Dense
from .objective import Objective
from .structure import few, squares
from .truncated import Products


@dataclass(frozen=True)
class Needs:
    """What a method asks for besides the value, and what it can take."""

    gradient: bool = True
    hessian: bool = False
    product: bool = False
    bounds: bool = False
    constraints: bool = False


#: SciPy's methods, and ours.
NEEDS = {
    "Nelder-Mead":   Needs(gradient=False, bounds=True),
    "Powell":        Needs(gradient=False, bounds=True),
    "CG":            Needs(),
    "BFGS":          Needs(),
    "Newton-CG":     Needs(product=True),
    "L-BFGS-B":      Needs(bounds=True),
    "TNC":           Needs(bounds=True),
    "COBYLA":        Needs(gradient=False, bounds=True, constraints=True),
    "COBYQA":        Needs(gradient=False, bounds=True, constraints=True),
    "SLSQP":         Needs(bounds=True, constraints=True),
    "trust-constr":  Needs(hessian=True, bounds=True, constraints=True),
    "dogleg":        Needs(hessian=True),
    "trust-ncg":     Needs(product=True),
    "trust-exact":   Needs(hessian=True),
    "trust-krylov":  Needs(product=True),
    "newton":        Needs(hessian=True, bounds=True),
    "least-squares": Needs(bounds=True),
    "ipopt":         Needs(hessian=True, bounds=True, constraints=True),
}  # fmt: skip
#: Those that are not SciPy's.
OURS = ("newton", "least-squares", "ipopt")
NAMES = {name.lower(): name for name in NEEDS} | {
    "l-bfgs": "L-BFGS-B",
    "lbfgs": "L-BFGS-B",
    "trust-region": "trust-exact",
    "steihaug": "trust-ncg",
    "least_squares": "least-squares",
    "gauss-newton": "least-squares",
    "levenberg-marquardt": "least-squares",
}

#: Up to so many unknowns a dense Hessian is the cheapest way to a minimum.
DENSE = 300
#: Up to so many unknowns SLSQP, whose steps are dense, is the method with constraints.
SMALL = 100
#: The singular values of a Jacobian cost up to so much.
MOST_WORK = 3e7


@dataclass(frozen=True)
class Choice:
    """A method, why it was chosen (empty where it was asked for), and the Hessian it goes by."""

    method: str
    why: str = ""
    matrix: Any = None


def choose(
    objective: Objective, *, bounded: bool, constrained: bool, fixed: bool = False
) -> Choice:
    """The method for a problem of this make: by size, structure and form."""
    size = objective.variables.size
    n = f"{size} unknown{'s' if size > 1 else ''}"
    if constrained and size <= SMALL:
        return Choice("SLSQP", f"there are constraints and only {n}")
    if constrained:
        return Choice("trust-constr", f"there are constraints and {n}")
    if objective.own_hessian:
        return Choice("newton", f"the Hessian by {n} is your own", Dense(objective))
    if objective.own_product and not bounded:
        return Choice("newton", f"the Hessian's product by {n} is your own", Products(objective))
    if not objective.twice:
        method = "L-BFGS-B" if bounded or size > DENSE else "BFGS"
        return Choice(method, f"the gradient is your own, by {n}")
    residuals = squares(objective)
    kind = few(objective, gauss=residuals is not None)
    if kind is not None:
        form = "it is a sum of squares, and " if residuals is not None else ""
        return Choice("newton", f"{form}the Hessian of {n} is {kind.words}", kind.matrix)
    if residuals is not None and not fixed and size <= DENSE and residuals.size * size**2 <= MOST_WORK:
        count = residuals.size
        return Choice("least-squares", f"it is a sum of {count} square{'s' * (count > 1)} of {n}")
    if size <= DENSE:
        return Choice("newton", f"the Hessian of {n} is cheap", Dense(objective))
    if bounded:
        return Choice("L-BFGS-B", f"there are bounds on {n}")
    why = f"{n} are too many for a dense Hessian: it goes by products with it"
    return Choice("newton", why, Products(objective))


def asked(objective: Objective, name: str, *, banded: bool) -> Choice:
    """The method that was asked for; Newton's with the Hessian in the form that suits."""
    if name == "least-squares" and squares(objective) is None:
        raise ArgumentError(
            "minimize: 'least-squares' is for a sum of squares, and the function is not written as one, "
            "such as np.sum(r**2). Use method='newton', or leave the method out."
        )
    if name != "newton":
        return Choice(name)
    kind = few(objective, gauss=False) if banded else None
    if kind is not None:
        return Choice(name, matrix=kind.matrix)
    large = objective.variables.size > 4 * DENSE or objective.own_product
    large = large and not objective.own_hessian
    return Choice(name, matrix=Products(objective) if large else Dense(objective))


def known(method: Any) -> str:
    """The method's name as it is written in messages."""
    try:
        return NAMES[method.lower()]
    except (KeyError, AttributeError):
        from difflib import get_close_matches

        close = get_close_matches(str(method).lower(), NAMES, 1)
        hint = f"Did you mean {NAMES[close[0]]!r}? " if close else ""
        raise ArgumentError(
            f"minimize: there is no method {method!r}. {hint}Leave it out for the one that suits, or "
            f"write one of {', '.join(sorted(set(NAMES.values())))}."
        ) from None


def refuse_misfits(name: str, *, bounded: bool, constrained: bool, given: Any) -> None:
    """Raise where the method cannot take the bounds or constraints of the problem."""
    able = NEEDS[name]
    for wanted, can, what, instead in (
        (bounded, able.bounds, "bounds", "L-BFGS-B"),
        (constrained, able.constraints, "constraints", "SLSQP or trust-constr"),
    ):
        if wanted and not can:
            raise ArgumentError(
                f"minimize: the method {given!r} takes no {what}. Use {instead}, or leave the method "
                "out."
            )


def tighten(name: str, settings: dict[str, Any], tol: float | None) -> None:
    """With exact derivatives there is nothing to gain by stopping early."""
    if tol is not None:
        return
    if name == "L-BFGS-B":
        for key, value in (("ftol", 1e-15), ("gtol", 1e-8), ("maxfun", 200_000), ("maxcor", 20)):
            settings.setdefault(key, value)
    elif name == "BFGS":
        settings.setdefault("gtol", 1e-8)
    elif name == "SLSQP":
        settings.setdefault("ftol", 1e-12)
        settings.setdefault("maxiter", 500)
    elif name == "trust-constr":
        for key, value in (("gtol", 1e-9), ("xtol", 1e-14), ("barrier_tol", 1e-12), ("maxiter", 5000)):
            settings.setdefault(key, value)


#: Options of the methods that SciPy chooses, and of those what ours take.
SCIPYS = (
    "disp", "maxiter", "gtol", "ftol", "eps", "finite_diff_rel_step", "norm", "return_all", "xrtol",
    "c1", "c2", "hess_inv0", "maxcor", "maxfun", "maxls", "iprint", "workers",
)  # fmt: skip
TAKEN = {
    "newton": ("disp", "maxiter", "gtol", "return_all", "banded"),
    "least-squares": ("disp", "maxiter", "gtol", "return_all"),
    "trust-constr": ("disp", "maxiter", "gtol"),
    "SLSQP": ("disp", "maxiter", "ftol"),
    "L-BFGS-B": ("disp", "maxiter", "gtol", "ftol", "maxcor", "maxfun", "maxls"),
    "BFGS": ("disp", "maxiter", "gtol", "norm", "return_all", "xrtol", "c1", "c2", "hess_inv0"),
}


def checked(options: Any, tol: Any) -> dict[str, Any]:
    """The options, a copy, once they and the tolerance make sense."""
    if options is not None and not isinstance(options, dict):
        raise ArgumentError(
            f"minimize: options is a {type(options).__name__}. Write a dict, such as {{'maxiter': 100}}."
        )
    given = dict(options or {})
    for name, value in (("tol", tol), ("options['gtol']", given.get("gtol"))):
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if value is not None and not (number and value >= 0):
            raise ArgumentError(f"minimize: {name} is {value!r}. Give a number, 0 or more.")
    most = given.get("maxiter")
    if most is not None and not (isinstance(most, int | float | np.number) and most >= 0):
        raise ArgumentError(f"minimize: options['maxiter'] is {most!r}. Give a whole number.")
    return given


def fitting(
    name: str, settings: dict[str, Any], *, bounded: bool, constrained: bool
) -> dict[str, Any]:
    """Options that were written for the method SciPy would choose, for the one that was chosen.

    What only differences or another way of going down have need of is left out.
    """
    usual = "SLSQP" if constrained else "L-BFGS-B" if bounded else "BFGS"
    unknown = sorted(set(settings) - {*SCIPYS, *TAKEN[name]})
    if unknown:
        raise ArgumentError(
            f"minimize: there is no option {unknown[0]!r}. {name!r}, which suits this problem, has "
            f"{', '.join(map(repr, TAKEN[name]))}; name another method for its own."
        )
    if name == usual:
        return settings
    most = settings.get("maxiter", settings.get("maxfun"))  # a step takes one evaluation or more
    kept = {key: value for key, value in settings.items() if key in TAKEN[name]}
    return kept if most is None else kept | {"maxiter": most}
