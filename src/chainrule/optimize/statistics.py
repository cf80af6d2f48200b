"""The statistics at a minimum of a negative log-likelihood: covariances by the information matrix.

With the log-likelihood ``ℓ(x) = Σ ℓᵢ(x)`` of independent observations (van der Vaart, Asymptotic
Statistics, 1998, §5.5; White 1982; McCullagh & Nelder 1989, §2.5):

=============  ==================================================  =============================
kind           covariance                                          needs
=============  ==================================================  =============================
``observed``   ``H⁻¹``, H the Hessian of ``-ℓ``
``expected``   ``(Jᵀ diag(1/V(μ)) J)⁻¹``, J the Jacobian of ``μ``  ``mean`` and ``variance``
``scores``     ``(Σ gᵢ gᵢᵀ)⁻¹``, gᵢ the gradient of ``-ℓᵢ``        ``losses``
``sandwich``   ``H⁻¹ (Σ gᵢ gᵢᵀ) H⁻¹``                              ``losses``
=============  ==================================================  =============================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..function.verbs import hessian, jacobian
from .equations import Values
from .objective import Objective, quietly
from .result import inverse
from .variables import Variables, Vector

KINDS = ("observed", "expected", "scores", "sandwich")


class Statistics:
    """The covariances at the solution of ``minimize``, each computed when it is asked for."""

    def __init__(
        self, objective: Objective, x: Vector, free: Any, *, constrained: bool, hessian: Any = None
    ) -> None:
        self.objective: Objective | None = objective
        self.variables: Variables = objective.variables
        self.x, self.free = x, free
        self.constrained, self.hessian = constrained, hessian

    def __getstate__(self) -> Any:
        return self.__dict__ | {"objective": None}  # it holds the user's function

    def covariance(self, kind: str | None, **given: Any) -> Vector:
        """See :meth:`~chainrule.optimize.result.Result.covariance`."""
        kind = kind or "observed"
        if kind not in KINDS:
            raise ArgumentError(
                f"covariance: there is no kind {kind!r}. Write one of {', '.join(KINDS)}."
            )
        if self.constrained:
            raise ArgumentError(
                "covariance: there are constraints, and the inverse Hessian is no covariance under "
                "them. Write the problem in unknowns that are free."
            )
        losses, mean, variance = given.get("losses"), given.get("mean"), given.get("variance")
        with quietly():
            if kind == "expected":
                return self._invert(self._expected(mean, variance))
            if losses is None and kind == "observed":
                return self._invert(self._whole())
            bread, scores = self._parts(losses, kind)
        if kind == "observed":
            return self._invert(bread)
        meat = scores.T @ scores
        if kind == "scores":
            return self._invert(meat)
        inner = self._invert(bread)
        return inner @ meat @ inner

    def _invert(self, matrix: Vector) -> Vector:
        return inverse(matrix, self.variables, self.free)

    def _alive(self) -> Objective:
        if self.objective is None:
            raise ArgumentError(
                "covariance: this result was copied or sent without its function. Ask the original."
            )
        return self.objective

    def _whole(self) -> Vector:
        if self.hessian is None:
            self.hessian = self._alive().hessian(self.x)
        made: Vector = self.hessian
        return made

    def _parts(self, losses: Any, kind: str) -> tuple[Vector, Vector]:
        """The Hessian of the sum of the losses, and the gradient of each of them."""
        objective = self._alive()
        if not callable(losses):
            raise ArgumentError(
                f"covariance: {kind!r} needs the loss of each observation. Give losses=f, with f(x, "
                "*args) an array of one negative log-likelihood for each."
            )
        each, args = Values(losses, self.variables), objective.args
        values = np.asarray(each(self.x, *args))
        total, count = float(values.sum()), values.size
        value = objective.fun(self.x)
        for factor in (1.0, 1.0 / max(count, 1)):
            if abs(total * factor - value) <= 1e-6 * max(1.0, abs(value)):
                break
        else:
            raise ArgumentError(
                f"covariance: the {count} losses add up to {total:.6g}, and the function that was "
                f"minimised is {value:.6g}: neither their sum nor their mean. Leave penalties out of "
                "the function, or spread them over the losses."
            )
        scores = np.asarray(jacobian(each)(self.x, *args), float).reshape(count, -1)
        bread = np.asarray(hessian(_Sum(each))(self.x, *args), float)
        return bread, scores

    def _expected(self, mean: Any, variance: Any) -> Vector:
        objective = self._alive()
        if not (callable(mean) and callable(variance)):
            raise ArgumentError(
                "covariance: 'expected' needs the mean and the variance of each observation. Give "
                "mean=f, with f(x, *args) the means, and variance=v, with v(mean) the variances: "
                "lambda m: m for counts, lambda m: m * (1 - m) for yes and no."
            )
        means = Values(mean, self.variables)
        fitted = np.asarray(means(self.x, *objective.args))
        spread = np.broadcast_to(np.asarray(variance(fitted), float), fitted.shape)
        if not np.all(spread > 0):
            raise ArgumentError(
                "covariance: variance gives values that are not above 0. Give the variance of each "
                "observation."
            )
        slopes = np.asarray(jacobian(means)(self.x, *objective.args), float)
        information: Vector = slopes.T @ (slopes / spread[:, None])
        return information


class _Sum:
    """The sum of the losses."""

    def __init__(self, each: Callable[..., Any]) -> None:
        self._each = each

    def __call__(self, x: Any, *rest: Any) -> Any:
        return np.sum(self._each(x, *rest))
