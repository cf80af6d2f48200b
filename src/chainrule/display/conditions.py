"""Conditions as they are written: ``𝟙[r < 0]``, not ``𝟙[−r > 0]``, and no ``1 − 𝟙[x > 0]``."""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.primitive import Primitive
from ..ops.arithmetic import equal, greater, greater_equal, less, less_equal, not_equal
from ..ops.monomial import STEP, Axis, Coefficient
from .layout import Kind, Layout, scaled, sign_of, summed, without_sign

#: The same with both sides turned round; of a step the sides change places.
_TURNED = {
    greater: less, less: greater, greater_equal: less_equal, less_equal: greater_equal, STEP: STEP,
}  # fmt: skip
#: What holds where a condition does not.
_COMPLEMENTS = {
    greater: less_equal, less_equal: greater, less: greater_equal, greater_equal: less,
    equal: not_equal, not_equal: equal, STEP: STEP,
}  # fmt: skip


def turned_round(op: Primitive, sides: Sequence[Layout], axes: tuple[Axis, ...]) -> Layout | None:
    """``r < 0`` for the two sides of ``−r > 0``."""
    opposite = _TURNED.get(op)
    negative = [sign_of(x) < 0 for x in sides]
    if opposite is None or not any(negative):
        return None
    if not all(minus or _is_zero(x) for minus, x in zip(negative, sides, strict=True)):
        return None
    plain = [without_sign(x) for x in sides]
    return Layout(Kind.APPLY, tuple(plain[:: -1 if op is STEP else 1]), axes, opposite)


def _is_zero(x: Layout) -> bool:
    while x.kind is Kind.FILL:
        (x,) = x.children
    return x.kind is Kind.NUMBER and not x.data.number


def both_cases(constant: Coefficient, weight: Coefficient, condition: Layout) -> Layout | None:
    """``b + c𝟙[x > 0]`` as what it is where the condition holds, and where it does not.

    ``0.01 + 0.99𝟙[x > 0]`` is ``𝟙[x > 0] + 0.01𝟙[x ≤ 0]``, and ``1 − 𝟙[x > 0]`` is ``𝟙[x ≤ 0]``.
    """
    if constant.sizes or weight.sizes:
        return None
    inside = condition.children[0] if condition.kind is Kind.INDICATOR else condition
    if inside.kind is not Kind.APPLY or inside.data not in _COMPLEMENTS:
        return None
    step = inside.data is STEP
    sides = inside.children[:: -1 if step else 1]
    other = Layout(Kind.APPLY, sides, inside.axes, _COMPLEMENTS[inside.data])
    if not step:
        other = Layout(Kind.INDICATOR, (other,), inside.axes)
    first, second = Coefficient(constant.number + weight.number), constant
    if first.number and second.number and abs(first.number) + abs(second.number) == 2:
        return None  # 2𝟙[x > 0] − 1 is a sign
    terms = [
        scaled(c, (), (), x) for c, x in ((first, condition), (second, other)) if c.number
    ]
    if len(terms) == 1:
        return terms[0]
    signed = [(sign_of(x), without_sign(x)) for x in terms]
    return summed(signed, condition.axes)
