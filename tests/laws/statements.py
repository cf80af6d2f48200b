"""The laws: what must hold of every row, each a function of one case that raises when it fails."""

from __future__ import annotations

from collections.abc import Callable

from tests.laws import first, higher, structure, values
from tests.laws.arguments import Case

Law = Callable[[Case], None]

LAWS: tuple[Law, ...] = (
    values.type_agrees_with_evaluation,
    values.promotion_is_numpys,
    values.evaluator_is_evaluate,
    values.graphs_pickle,
    values.templates_format,
    first.tangent_is_the_slope,
    first.pullback_is_the_adjoint,
    first.half_precision_stays,
    first.rules_compute_on_arrays,
    first.transposing_twice_is_the_identity,
    higher.second_derivative,
    higher.third_derivative,
    structure.batch_is_a_loop,
    structure.pattern_covers_the_non_zeros,
    structure.declared_linearity,
)
