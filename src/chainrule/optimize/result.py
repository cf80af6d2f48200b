"""What a search found, and how far to trust it."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult

from ..errors import ArgumentError
from .variables import Variables, Vector

#: The Hessian at the solution is looked at up to this many unknowns.
MOST_LOOKED_AT = 200

#: An eigenvalue of the Hessian is no evidence below this fraction of the largest.
FLAT = float(np.finfo(float).eps) ** (2 / 3)


class Result(OptimizeResult):  # type: ignore[misc]
    """A `scipy.optimize.OptimizeResult` that also knows the statistics at the solution.

    Besides SciPy's ``x`` (in the structure of ``x0``), ``fun``, ``jac``, ``success``, ``status``,
    ``nit``, ``nfev``, ``njev`` and ``nhev``:

    ``gradient_norm``
        The largest element of the gradient (of its free part, where bounds are active).
    ``curvature``
        ``"minimum"``, ``"saddle"``, ``"maximum"`` or ``"flat"``, by the eigenvalues of the Hessian
        (``eigenvalues``, ascending); None where it was not looked at.
    ``method``
        The method that was used.
    ``message``
        In plain words: how it ended, how far to trust it, why the method was chosen, what to try.
    ``solver_message``
        What SciPy's solver said.
    """

    def covariance(self) -> Vector:
        """The covariance matrix of the solution, ``(n, n)``, in the order of ``cr.ravel(x)``.

        The inverse Hessian of a minimised negative log-likelihood; for least squares
        ``s² (JᵀJ)⁻¹`` with ``s²`` the residual variance (Seber & Wild, Nonlinear Regression,
        §2.1.2). An unknown at its bound has none: its row and column are 0.

        Raises
        ------
        ArgumentError
            When the solution is not determined: the matrix to be inverted is singular or not
            positive definite.

        >>> import numpy as np
        >>> from chainrule.optimize.minimize import minimize
        >>> data = np.array([1.0, 2.0, 6.0])
        >>> found = minimize(lambda m: np.sum((data - m) ** 2) / 2, 0.0)
        >>> found.covariance()
        array([[0.33333333]])
        """
        if "_covariance" not in self:
            raise ArgumentError(
                "covariance: this result was copied or sent without its function. Ask the original."
            )
        matrix: Vector = self["_covariance"]()
        return matrix

    def standard_errors(self) -> Any:
        """The standard error of each unknown, in the structure of ``x``.

        The square roots of the diagonal of :meth:`covariance`.
        """
        return self["_variables"].tree(np.sqrt(np.diag(self.covariance())))

    def __reduce__(self) -> Any:
        kept = dict(self)
        made = kept.get("_covariance")
        if made is not None and made.func.__module__ == "chainrule.optimize.minimize":
            del kept["_covariance"]  # it holds the user's function, which need not pickle
        return Result, (kept,)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), "covariance", "standard_errors"})

    def __repr__(self) -> str:
        shown = OptimizeResult({k: v for k, v in self.items() if not k.startswith("_")})
        return str(shown)


def look(hessian: Vector, least: float = 0.0) -> tuple[str, Vector]:
    """What a point with no slope and this Hessian is, and the Hessian's eigenvalues.

    An eigenvalue counts as zero below ``eps^(2/3)`` of the largest, and below ``least``.

    >>> look(np.diag([2.0, -1.0]))[0]
    'saddle'
    """
    values: Vector = np.asarray(np.linalg.eigvalsh((hessian + hessian.T) / 2), np.float64)
    scale = max(float(np.max(np.abs(values), initial=0.0)) * FLAT, least)
    rising, falling = bool(values[-1] > scale), bool(values[0] < -scale)
    if rising and falling:
        return "saddle", values
    if falling:
        return "maximum", values
    return ("minimum" if values[0] > scale else "flat"), values


def inverse(matrix: Vector, variables: Variables, free: Any = None) -> Vector:
    """The inverse of a positive definite matrix on the ``free`` unknowns, 0 elsewhere."""
    keep = np.ones(variables.size, bool) if free is None else free
    part = matrix[np.ix_(keep, keep)]
    scale = np.sqrt(np.abs(np.diag(part)))
    scale[scale == 0] = 1.0
    values, vectors = np.linalg.eigh(part / np.outer(scale, scale))
    if values.size and not values[0] > FLAT * 1e-3 * values[-1]:
        raise_undetermined(variables, np.flatnonzero(keep), vectors[:, 0] / scale)
    made = np.zeros_like(matrix)
    inner = (vectors / values) @ vectors.T / np.outer(scale, scale)
    made[np.ix_(keep, keep)] = inner
    return made


def raise_undetermined(variables: Variables, places: Any, direction: Vector) -> None:
    """Say that the data leave a direction of the unknowns open, and name those in it."""
    size = np.abs(direction)
    chief = sorted(int(k) for k in np.argsort(-size)[:3] if size[k] > 0.1 * size.max())
    names = ", ".join(variables.element(int(places[k])) for k in chief)
    raise ArgumentError(
        f"covariance: the solution is not determined along a direction of {names}, so it has no "
        "covariance. Leave one of them out, or add data or a penalty that tells them apart."
    )
