"""Eigenvalues, singular values and what follows from them by LAPACK, for one matrix of a stack.

The vectors' signs are the reference's: the same routine, on the matrix by columns.
"""

from __future__ import annotations

import numpy as np

from .blas import Matrix, contiguous, gemm
from .stacks import Areas, Params, Shapes, Task, call, transpose, workspace
from .text import Value

# -- spectra ---------------------------------------------------------------------------------------


def eigen_areas(vectors: str, shapes: Shapes, element: str, params: Params) -> Areas:
    """The matrix and then the vectors by columns, and what ``syevd`` asks for."""
    n = shapes[0][0]
    uplo = "L" if params[0] else "U"
    work, integers = workspace(
        element, "syevd", vectors, uplo, n, None, n, None, None, -1, None, -1, 0
    )
    return {"a": ("", n * n), "work": ("", work), "integers": ("integer", integers)}


def eigen(vectors: str, task: Task) -> Value:
    """Eigenvalues, and with ``vectors`` "V" the vectors, by ``syevd``."""
    f, element, n, areas = task.f, task.element, task.shapes[0][0], task.areas
    lengths = eigen_areas(vectors, task.shapes, element, task.params)
    transpose(f, element, areas["a"], task.inputs[0], n, n)
    failed = call(
        task, "syevd", vectors, "L" if task.params[0] else "U", n, areas["a"], n, task.outputs[0],
        areas["work"], lengths["work"][1], areas["integers"], lengths["integers"][1],
    )  # fmt: skip
    if vectors == "V":
        transpose(f, element, task.outputs[1], areas["a"], n, n)
    return failed


def svd_job(params: Params) -> str:
    """What ``gesdd`` is to compute: all vectors, or those that belong to singular values."""
    return "A" if params[0] else "S"


def singular_areas(job: str, shapes: Shapes, element: str) -> Areas:
    """The vectors too are written here first, by columns."""
    m, n = shapes[0]
    k = min(m, n)
    rows = 1 if job == "N" else n if job == "A" else k
    work, _ = workspace(
        element, "gesdd", job, m, n, None, m, None, None, m, None, rows, None, -1, None, 0
    )
    areas = {"a": ("", m * n), "work": ("", work), "integers": ("integer", 8 * k)}
    if job != "N":
        areas |= {"u": ("", m * (m if job == "A" else k)), "vt": ("", rows * n)}
    return areas


def singular(task: Task, job: str, values: Value) -> Value:
    """Decompose the first operand; ``values`` is where the singular values go."""
    m, n = task.shapes[0]
    areas, a = task.areas, task.areas["a"]
    transpose(task.f, task.element, a, task.inputs[0], m, n)
    rows = 1 if job == "N" else n if job == "A" else min(m, n)
    length = singular_areas(job, task.shapes, task.element)["work"][1]
    return call(
        task, "gesdd", job, m, n, a, m, values, areas.get("u", a), m, areas.get("vt", a), rows,
        areas["work"], length, areas["integers"],
    )  # fmt: skip


def svd(task: Task) -> Value:
    """The decomposition by ``gesdd``."""
    (u, s, vt), (m, n), areas = task.outputs, task.shapes[0], task.areas
    job = svd_job(task.params)
    failed = singular(task, job, s)
    columns, rows = (m, n) if job == "A" else (min(m, n), min(m, n))
    transpose(task.f, task.element, u, areas["u"], columns, m)
    transpose(task.f, task.element, vt, areas["vt"], n, rows)
    return failed


def pinv_areas(shapes: Shapes, element: str, params: Params) -> Areas:
    """What the decomposition needs, and the singular values."""
    return {**singular_areas("S", shapes, element), "s": ("", min(shapes[0]))}


def pinv(task: Task, *, regular: bool) -> Value:
    """The pseudo-inverse; a ``regular`` one fails where the rank is deficient."""
    f, element, areas = task.f, task.element, task.areas
    (m, n), (rcond,) = task.shapes[0], task.params
    k = min(m, n)
    failed = singular(task, "S", areas["s"])

    def wide(x: Value) -> Value:
        return f.convert("fpext", x, "double") if element == "float" else x

    largest = wide(f.load(areas["s"], element))
    if regular:
        eps = float(np.finfo(np.float64 if task.stored == "double" else np.float32).eps)
        least = wide(f.load(f.offset(areas["s"], element, k - 1), element))
        cutoff = f.fmul(largest, max(rcond, max(m, n) * eps))
        failed = f.binary("or", failed, f.fcmp("ole", least, cutoff))
    # V diag(1 / s) Uᵀ, with zeros for what is too small.
    columns = f.begin(k)
    value = f.load(f.offset(areas["s"], element, columns.index), element)
    kept = f.fcmp("ogt", wide(value), f.fmul(largest, rcond))
    factor = f.select(kept, f.fdiv(1.0, value), 0.0)
    start = f.offset(areas["u"], element, f.binary("mul", columns.index, m))
    rows = f.begin(m)
    at = f.offset(start, element, rows.index)
    f.store(f.fmul(f.load(at, element), factor), at)
    f.end(rows)
    f.end(columns)
    v = Matrix(areas["vt"], n, k, k, 1, element)
    gemm(f, v, Matrix(areas["u"], k, m, m, 1, element), contiguous(task.outputs[0], n, m, element))
    return failed
