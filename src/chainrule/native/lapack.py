"""Linear algebra in generated code: a table of routines, one row for each primitive.

Each one does what NumPy does for that primitive, with the same LAPACK routine on the same matrix,
so that signs, pivots and the verdict on singular matrices are those of the reference; very small
matrices are worked on in registers (``small``) where the verdict is beyond doubt.

A routine that fails says so; the program then evaluates by NumPy, which raises the right error.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from functools import partial

from ..ir.primitive import Primitive
from ..ops import factorizations, linalg, spectral
from . import elimination, small, spectra, systems
from .stacks import Areas, Params, Routine, Shapes, Task
from .text import Value
from .turning import turning, turning_ranks


def _sized(shapes: Shapes, params: Params) -> bool:
    return all(math.prod(s) for s in shapes)


One = Callable[[Task], Value | None]


def _by_size(written_out: Callable[[Task], Value], loops: Callable[[Task], Value], library: One) -> One:
    """The way for matrices of each size; the library's also where another is unsure."""

    def one(task: Task) -> Value | None:
        if 1 <= max(itertools.chain(*task.shapes)) <= small.MOST:
            return small.or_else(written_out, library)(task)
        if "rows" in task.areas:
            return small.or_else(loops, library)(task)
        return library(task)

    return one


def _solve_areas(shapes: Shapes, element: str, params: Params) -> Areas:
    n, *columns = shapes[1]
    rows = elimination.areas(n, columns[0] if columns else 1)
    return {**systems.solve_areas(shapes, element, params), **rows}


def _inverse_areas(shapes: Shapes, element: str, params: Params) -> Areas:
    n = shapes[0][0]
    return {**systems.factored_areas(shapes, element, params), **elimination.areas(n, n)}


def _determinant_areas(shapes: Shapes, element: str, params: Params) -> Areas:
    n = shapes[0][0]
    return {**systems.factored_areas(shapes, element, params), **elimination.areas(n, 0)}


def _triangular_solve(task: Task) -> Value:
    if 1 <= max(itertools.chain(*task.shapes)) <= small.MOST:
        return small.triangular_solve(task)
    return systems.triangular_solve(task)


def _cholesky(task: Task) -> Value | None:
    few = task.shapes[0][0] <= small.MOST
    fast = small.cholesky if few else systems.cholesky_in_place
    return small.or_else(fast, systems.cholesky)(task)


def _square_rates(shapes: Shapes, params: Params) -> bool:
    (n,), *rates = shapes[0], *shapes[2:]
    return all(r == (n, n) for r in rates)


def _svd_areas(shapes: Shapes, element: str, params: Params) -> Areas:
    return spectra.singular_areas(spectra.svd_job(params), shapes, element)


def _values_areas(shapes: Shapes, element: str, params: Params) -> Areas:
    return spectra.singular_areas("N", shapes, element)


def _values(task: Task) -> Value:
    return spectra.singular(task, "N", task.outputs[0])


_pinv, _regular_pinv = (partial(spectra.pinv, regular=regular) for regular in (False, True))

_ROWS = (
    Routine(linalg.tril, partial(systems.triangle, upper=False), single=True),
    Routine(linalg.triu, partial(systems.triangle, upper=True), single=True),
    Routine(
        linalg.solve,
        _by_size(small.solve, elimination.solve, systems.solve),
        _solve_areas,
        systems.system_ranks,
    ),
    Routine(linalg.triangular_solve, _triangular_solve, ranks=systems.system_ranks, single=True),
    Routine(
        linalg.inv, _by_size(small.inverse, elimination.inverse, systems.inverse), _inverse_areas
    ),
    Routine(linalg.pinv, _pinv, spectra.pinv_areas, accepts=_sized),
    Routine(linalg.regular_pinv, _regular_pinv, spectra.pinv_areas, accepts=_sized),
    Routine(linalg.lstsq, systems.least_squares, systems.least_squares_areas, accepts=_sized),
    Routine(
        factorizations.det, _by_size(small.det, elimination.det, systems.det), _determinant_areas
    ),
    Routine(
        factorizations.slogdet,
        _by_size(small.slogdet, elimination.slogdet, systems.slogdet),
        _determinant_areas,
    ),
    Routine(factorizations.cofactor, systems.cofactor, systems.factored_areas),
    Routine(factorizations.cholesky, _cholesky, systems.cholesky_areas),
    Routine(factorizations.qr, systems.qr, systems.qr_areas),
    Routine(spectral.eigh, partial(spectra.eigen, "V"), partial(spectra.eigen_areas, "V")),
    Routine(spectral.eigvalsh, partial(spectra.eigen, "N"), partial(spectra.eigen_areas, "N")),
    Routine(spectral.svd, spectra.svd, _svd_areas, accepts=_sized),
    Routine(spectral.svd_of_rule, spectra.svd, _svd_areas, accepts=_sized),
    Routine(spectral.svdvals, _values, _values_areas),
    Routine(
        spectral.turning,
        turning,
        ranks=turning_ranks,
        accepts=_square_rates,
        booleans=frozenset({1}),
        single=True,
    ),
)

#: The routine for each primitive that has one.
ROUTINES: Mapping[Primitive, Routine] = {r.op: r for r in _ROWS}
