"""Eigenvalues of a Hessian by its products with vectors: the largest, all, or their density."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .around import Around, Vector

#: Up to so many unknowns the whole Hessian is formed.
DENSE = 500


def top(around: Around, count: int) -> tuple[Vector, Vector]:
    """The ``count`` largest eigenvalues, and their eigenvectors as columns of unit length.

    By `scipy.sparse.linalg.eigsh` (Lanczos with restarts) on exact Hessian-vector products. Raises
    `ArgumentError` where the Hessian is not finite.
    """
    n = around.size
    probe = around.probe()
    if not np.any(probe):  # it is 0, and all directions are alike
        return np.zeros(count), np.eye(n, count)
    if n <= max(DENSE // 5, 2 * count + 1):
        values, vectors = np.linalg.eigh(around.hessian())
        values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
    else:
        from scipy.sparse.linalg import LinearOperator, eigsh

        operator = LinearOperator((n, n), matvec=around.product, dtype=np.float64)
        values, vectors = eigsh(operator, k=count, which="LA", v0=probe)
        order = np.argsort(-values)
        values, vectors = values[order], vectors[:, order]
    # The sign is arbitrary: the largest entry is positive, so that a picture is the same each time.
    largest = np.argmax(np.abs(vectors), axis=0)
    return values, vectors * np.sign(vectors[largest, range(vectors.shape[1])])


def lanczos(
    product: Callable[[Vector], Vector], start: Vector, steps: int
) -> tuple[Vector, Vector]:
    """The diagonal and the off-diagonal of the tridiagonal matrix that Lanczos' method makes.

    Every new vector is made orthogonal to all before it, twice, so that no eigenvalue is found a
    second time (Golub and Van Loan, Matrix Computations, §10.3).
    """
    steps = min(steps, start.size)
    basis = np.zeros((steps, start.size))
    diagonal, beside = np.zeros(steps), np.zeros(max(steps - 1, 0))
    v = start / np.linalg.norm(start)
    scale = 0.0
    for k in range(steps):
        basis[k] = v
        w = product(v)
        diagonal[k] = w @ v
        for _ in range(2):
            w = w - basis[: k + 1].T @ (basis[: k + 1] @ w)
        length = float(np.linalg.norm(w))
        scale = max(scale, abs(diagonal[k]), length)
        if k + 1 == steps:
            break
        if length <= 1e-12 * scale:  # the vectors so far are closed under the matrix
            return diagonal[: k + 1], beside[:k]
        beside[k] = length
        v = w / length
    return diagonal, beside


def quadrature(
    around: Around, probes: int, steps: int, rng: np.random.Generator
) -> tuple[Vector, Vector]:
    """Places and weights, of sum 1, that stand for all eigenvalues: stochastic Lanczos quadrature.

    ``Σ weight · f(place)`` estimates the mean of ``f`` over the eigenvalues; exact for polynomials
    up to degree ``2·steps − 1``, but for the draw of the probes (Ubaru, Chen and Saad, 2017).
    """
    places, weights = [], []
    for _ in range(probes):
        start = rng.choice([-1.0, 1.0], around.size)
        diagonal, beside = lanczos(around.product, start, steps)
        from scipy.linalg import eigh_tridiagonal

        values, vectors = eigh_tridiagonal(diagonal, beside)
        places.append(values)
        weights.append(vectors[0] ** 2 / probes)
    return np.concatenate(places), np.concatenate(weights)


def density(places: Vector, weights: Vector, width: float, grid: Vector) -> Vector:
    """A density of integral 1: each place a normal distribution of deviation ``width``."""
    bells = np.exp(-0.5 * ((grid[:, None] - places) / width) ** 2)
    found: Any = bells @ weights / (width * np.sqrt(2 * np.pi))
    return np.asarray(found)
