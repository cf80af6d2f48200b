"""Long programs are written in pieces: here short ones are, of every kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.native import llvm, schedule
from chainrule.simplify import rerolling

pytestmark = pytest.mark.skipif(not llvm.available(), reason=llvm.why_not())

X = np.linspace(-1.3, 1.7, 14)
M = np.linspace(-0.5, 2.5, 56).reshape(4, 14)


def gates(x: Any, m: Any) -> Any:
    z = np.concatenate([x, np.sin(x), x * 2.0, 1.0 - x]) * m.reshape(-1)
    a, b, c, d = z[:14], z[14:28], z[28:42], z[42:]
    return np.sum(np.tanh(a) * np.exp(-b * b) + c / (2.0 + np.cos(d)))


def across(x: Any, m: Any) -> Any:
    return np.stack([x[3:11], x[:8], x[6:]]) * m[:3, 2:10] - x[5]


PROGRAMS: dict[str, Callable[..., Any]] = {
    "gates": gates,
    "their slopes": cr.grad(gates, wrt=(0, 1)),
    "pieces that do not fit": across,
    "slopes of these": cr.grad(lambda x, m: np.sum(np.sqrt(across(x, m) ** 2 + 1.0)), wrt=(0, 1)),
    "turned and reversed": lambda x, m: m.T[::-1, 1] + m[::-1][0] * x[::-1],
    "sums": lambda x, m: (m.sum(0), m.sum(1), m.max(0), m.min(), np.prod(x[:5]), x[:0].sum()),
    "truths": lambda x, m: (np.where(x > 0, x, m[1]), (x < 0.5).any(), (m > x).all(1), m > 0),
    "whole numbers": lambda x, m: np.floor(x * 3).astype(int) // 2 + np.arange(14),
    "single precision": lambda x, m: np.exp(m.astype(np.float32)) * x.astype(np.float32)[2],
    "products": lambda x, m: (np.outer(x[:6], x[3:9]), m @ x, m[:, :4] @ m[:, 2:6]),
    "scalars": lambda x, m: np.stack([x[0] * x[1], -x[2], 1 / x[3], abs(x[0]), max(m[0, 1], x[1])]),
    "negative and powers": lambda x, m: (-x, 1.0 / x, x**2, x**3, np.abs(x) ** 0.5, np.sign(x)),
    "parts written twice": cr.grad(lambda x, m: np.sum(x[:8] * m[0, :8]) + np.sum(np.exp(x[5:]))),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_in_pieces(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "MANY", 0)
    f = PROGRAMS[name]
    found, expected = cr.jit(f)(X, M), f(X, M)
    several = isinstance(expected, tuple | list)
    for a, b in zip(*((found, expected) if several else ([found], [expected])), strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_allclose(
            a, b, rtol=1e-6 if np.asarray(b).dtype.itemsize == 4 else 1e-13, atol=1e-14
        )


def test_a_long_program_is_compiled_in_two_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rerolling, "SHORTEST", 10**9)  # it is to stay long
    def f(x: Any) -> Any:
        for _ in range(600):
            x = np.sin(x) * 0.9 + 0.1
        return x

    code = cr.jit(f)
    np.testing.assert_allclose(code(X), f(X), rtol=1e-12)
    assert "define hidden i32 @part0" in code.lower(X).llvm
