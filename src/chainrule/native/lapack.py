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
from . import small, spectra, systems
from .stacks import Areas, Params, Routine, Shapes, Task
from .text import Value
from .turning import turning, turning_ranks


def _sized(shapes: Shapes, params: Params) -> bool:
    return all(math.prod(s) for s in shapes)


def _written_out(
    fast: Callable[[Task], Value], slow: Callable[[Task], Value | None], *, asks: bool = True
) -> Callable[[Task], Value | None]:
    """``fast`` for small matrices, which asks ``slow`` where it is unsure, and else ``slow``."""
    either = small.or_else(fast, slow) if asks else fast

    def one(task: Task) -> Value | None:
        few = 1 <= max(itertools.chain(*task.shapes)) <= small.MOST
        return either(task) if few else slow(task)

    return one


def _square_rates(shapes: Shapes, params: Params) -> bool:
    (n,), *rates = shapes[0], *shapes[2:]
    return all(r == (n, n) for r in rates)


def _svd_areas(shapes: Shapes, element: str, params: Params) -> Areas:
    return spectra.singular_areas(spectra.svd_job(params), shapes, element)


def _values_areas(shapes: Shapes, element: str, params: Params) -> Areas:
    return spectra.singular_areas("N", shapes, element)


def _values(task: Task) -> Value:
    return spectra.singular(task, "N", task.outputs[0])


_triangular_solve = _written_out(small.triangular_solve, systems.triangular_solve, asks=False)
_pinv, _regular_pinv = (partial(spectra.pinv, regular=regular) for regular in (False, True))

_ROWS = (
    Routine(
        linalg.solve,
        _written_out(small.solve, systems.solve),
        systems.solve_areas,
        systems.system_ranks,
    ),
    Routine(linalg.triangular_solve, _triangular_solve, ranks=systems.system_ranks),
    Routine(linalg.inv, _written_out(small.inverse, systems.inverse), systems.factored_areas),
    Routine(linalg.pinv, _pinv, spectra.pinv_areas, accepts=_sized),
    Routine(linalg.regular_pinv, _regular_pinv, spectra.pinv_areas, accepts=_sized),
    Routine(linalg.lstsq, systems.least_squares, systems.least_squares_areas, accepts=_sized),
    Routine(factorizations.det, _written_out(small.det, systems.det), systems.factored_areas),
    Routine(
        factorizations.slogdet,
        _written_out(small.slogdet, systems.slogdet),
        systems.factored_areas,
    ),
    Routine(factorizations.cofactor, systems.cofactor, systems.factored_areas),
    Routine(factorizations.cholesky, _written_out(small.cholesky, systems.cholesky)),
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
    ),
)

#: The routine for each primitive that has one.
ROUTINES: Mapping[Primitive, Routine] = {r.op: r for r in _ROWS}
