"""The models of ``models.py``: their texts, without noise, and read back by an independent evaluator."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from chainrule.display.naming import unicode_name
from chainrule.function.abstract import Declared
from chainrule.function.derivation import Derivation
from tests.formulas.models import CASES
from tests.formulas.protocol import UGLY, canonical
from tests.formulas.reading import Unreadable, read

#: Texts that the evaluator does not know how to read; no more than so many.
UNREAD = 25


@pytest.mark.parametrize(("derivative", "arguments", "text"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])  # fmt: skip
def test_text(derivative: Callable[..., Any], arguments: tuple[Any, ...], text: str) -> None:
    derivation = Derivation(derivative, arguments, {}, {})
    found = derivation.formula().text
    assert canonical(found) == canonical(text), found
    if not found.startswith("[ij"):
        assert not any(mark in found for mark in UGLY if mark not in text)
    if not any(isinstance(a, Declared | dict) for a in arguments):
        assert means(derivation, found, np.asarray(derivative(*arguments))) is not False


def means(derivation: Derivation, text: str, expected: np.ndarray) -> bool | None:
    """Whether a text, read by itself, has the expected value; ``None`` if it cannot be read."""
    _, sizes, translate, *_ = derivation.written()
    names: dict[str, Any] = {}
    for e in derivation.examples.known:
        for axis in translate.axes.of(e.node):
            names[sizes(axis)] = float(axis.length)
    names |= {unicode_name(e.name): e.value for e in derivation.examples.known}
    try:
        value = read(text, names, expected.shape)
    except Unreadable:
        return None
    return bool(np.allclose(np.asarray(value, float), expected, rtol=1e-8))


def test_nearly_all_are_read() -> None:
    plain = [c for c in CASES if not any(isinstance(a, Declared | dict) for a in c[2])][::4]
    unread = []
    for name, derivative, arguments, text in plain:
        derivation = Derivation(derivative, arguments, {}, {})
        if means(derivation, text, np.asarray(derivative(*arguments))) is None:
            unread.append(name)
    assert len(unread) <= UNREAD // 4, unread
