"""The covariance matrices of SciPy's multivariate distributions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...ops.linalg import triangular_solve
from ...ops.structural import cast
from .reductions import as_array


def positive_semidefinite(
    self: Any, M: Any, cond: Any = None, rcond: Any = None, lower: bool = True,
    check_finite: bool = True, allow_singular: bool = True,
) -> None:  # fmt: skip
    """What SciPy keeps of a covariance matrix: a factor of its inverse, and its log-determinant.

    SciPy takes the factor from the eigenvectors, which have no derivative where an eigenvalue is
    repeated. Of a definite matrix Cholesky's factor serves as well, and has one everywhere.
    """
    M = as_array(M)
    M = cast(M, float) if M.dtype.kind in "iub" else M
    s, u = np.linalg.eigh(M, "L" if lower else "U")
    cond = cond if rcond is None else rcond
    if cond is None or cond == -1:
        cond = (1e3 if s.dtype == np.float32 else 1e6) * np.finfo(s.dtype).eps
    eps = cond * np.max(np.abs(s))
    self._M, self._pinv, self.eps = M, None, 1e3 * eps
    if bool(np.all(s > eps)):
        low = np.linalg.cholesky(M) if lower else np.linalg.cholesky(M, upper=True).T
        identity = np.eye(len(s), dtype=s.dtype)
        self.U = np.swapaxes(triangular_solve(low, identity, True), -1, -2)
        self.log_pdet = 2 * np.sum(np.log(np.diagonal(low)))
        self.rank, self.V = len(s), np.zeros((len(s), 0))
        return
    if bool(np.min(s) < -eps):
        raise ValueError("The input matrix must be symmetric positive semidefinite.")
    if not allow_singular:
        raise np.linalg.LinAlgError(
            "When `allow_singular is False`, the input matrix must be symmetric positive definite."
        )
    kept = s > eps
    self.rank = int(np.sum(kept))
    self.log_pdet = np.sum(np.log(s[kept]))
    self.U = u * np.where(kept, 1 / np.sqrt(np.where(kept, s, 1.0)), 0.0)
    self.V = u[:, ~kept]


#: By the names of what SciPy calls: to take a covariance matrix, and to ask whether it may write.
FUNCTIONS: dict[Any, Callable[..., Any]] = {
    "scipy.stats._multivariate._PSD.__init__": positive_semidefinite,
    "scipy._lib.array_api_compat.common._helpers.is_writeable_array": lambda x: True,
}
