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
    ``hess_inv``
        The inverse Hessian, ``(n, n)``: the one that SciPy's solver built up, or the exact one.
    """

    def __missing__(self, name: str) -> Any:
        # SciPy's own default methods have one, so programs ask for it.
        if name == "hess_inv" and "_statistics" in self and "_profiler" in self:
            try:
                return self["_statistics"].covariance("observed")
            except ArgumentError as why:
                raise KeyError(name) from why
        raise KeyError(name)

    def covariance(
        self, kind: str | None = None, *, losses: Any = None, mean: Any = None, variance: Any = None
    ) -> Vector:
        """The covariance matrix of the solution, ``(n, n)``, in the order of ``cr.ravel(x)``.

        Parameters
        ----------
        kind
            For ``minimize`` of a negative log-likelihood: ``"observed"``, the inverse Hessian (if not
            given); ``"expected"``, the inverse Fisher information, by ``mean`` and ``variance``;
            ``"scores"``, by the outer products of the gradients of ``losses``; ``"sandwich"``, which
            holds where the model does not (White 1982). For least squares ``s² (JᵀJ)⁻¹`` with ``s²``
            the residual variance (Seber & Wild, Nonlinear Regression, §2.1.2), and ``"sandwich"``,
            which allows residuals of different variances.
        losses
            ``losses(x, *args)``: the negative log-likelihood of each observation, whose sum or mean
            was minimised. With them ``"observed"`` is right for a mean too.
        mean, variance
            ``mean(x, *args)``: what is expected of each observation, and ``variance(mean)``.

        An unknown at its bound has no covariance: its row and column are 0.

        Raises
        ------
        ArgumentError
            When the solution is not determined: the matrix to be inverted is singular or not
            positive definite; or when ``kind`` needs what was not given.

        >>> import numpy as np
        >>> from chainrule.optimize.minimize import minimize
        >>> data = np.array([1.0, 2.0, 6.0])
        >>> found = minimize(lambda m: np.sum((data - m) ** 2) / 2, 0.0)
        >>> found.covariance()
        array([[0.33333333]])
        >>> found.covariance("sandwich", losses=lambda m: (data - m) ** 2 / 2)
        array([[1.55555556]])
        """
        made: Vector = self._part("_statistics", "covariance").covariance(
            kind, losses=losses, mean=mean, variance=variance
        )
        return made

    def standard_errors(
        self, kind: str | None = None, *, losses: Any = None, mean: Any = None, variance: Any = None
    ) -> Any:
        """The standard error of each unknown, in the structure of ``x``.

        The square roots of the diagonal of :meth:`covariance`, which takes the same arguments.
        """
        matrix = self.covariance(kind, losses=losses, mean=mean, variance=variance)
        return self["_variables"].tree(np.sqrt(np.diag(matrix)))

    def profile(self, which: Any = 0, *, level: float = 0.95, scale: float | None = None) -> Any:
        """The profile of one unknown and its interval, all others fitted anew at each value.

        Parameters
        ----------
        which
            The unknown: its path in ``x``, such as ``"['w'][2]"`` or ``"a"`` for a key, or its place
            in ``cr.ravel(x)``.
        level
            How often the interval is to hold the true value.
        scale
            What a difference of the function counts, in units of a log-likelihood: 1 if not given,
            the number of observations where their mean was minimised. Of least squares it is the
            residual variance, with Student's quantiles.

        Returns
        -------
        Profile
            ``estimate``, ``low``, ``high``, and the profile: ``values``, ``deviance``, ``roots``,
            ``points``. See :class:`~chainrule.optimize.profile.Profile`.

        >>> import numpy as np
        >>> from chainrule.optimize.minimize import minimize
        >>> counts = np.array([3.0, 5.0, 2.0])
        >>> found = minimize(lambda a: np.sum(np.exp(a) - counts * a), 0.0)
        >>> profile = found.profile(level=0.9)
        >>> round(profile.low, 4), round(profile.high, 4)
        (0.6345, 1.6827)
        """
        make = self._part("_profiler", "profile")
        try:
            width = float(np.sqrt(np.diag(self.covariance()))[make.place(which)])
        except ArgumentError:
            width = 0.0
        return make(which, level, scale, width if np.isfinite(width) else 0.0)

    def _part(self, name: str, verb: str) -> Any:
        if name not in self:
            raise ArgumentError(
                f"{verb}: this result was copied or sent without its function. Ask the original."
            )
        return self[name]

    def __reduce__(self) -> Any:
        # What holds the user's function, which need not pickle, stays behind.
        return Result, ({k: v for k, v in self.items() if k != "_profiler"},)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), "covariance", "profile", "standard_errors"})

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
