"""``numpy.fft``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.trace.calls import assert_call

rng = np.random.default_rng(0)
X = rng.normal(size=(3, 4))
ODD = rng.normal(size=(2, 5))
Z = X + 1j * rng.normal(size=(3, 4))
F = np.fft

ONE = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
SEVERAL = ("fftn", "ifftn", "rfftn", "irfftn", "fft2", "ifft2", "rfft2", "irfft2")
REAL = ("rfft", "ihfft", "rfftn", "rfft2")


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("name", ONE)
def test_along_an_axis(name: str, norm: Any) -> None:
    f = getattr(F, name)
    for x in (X, ODD) if name in REAL else (X, ODD, Z):
        assert_call(lambda x: f(x, norm=norm), x)
        assert_call(lambda x: f(x, axis=0, norm=norm), x)
        for n in (2, 3, 7, 8):
            assert_call(lambda x, n=n: f(x, n, norm=norm), x)


@pytest.mark.parametrize("name", SEVERAL)
def test_along_axes(name: str) -> None:
    f = getattr(F, name)
    for x in (X, ODD) if name in REAL else (X, Z):
        assert_call(lambda x: f(x), x)
        assert_call(lambda x: f(x, s=(4, 6), axes=(0, 1)), x)
        assert_call(lambda x: f(x, axes=(1, 0), norm="ortho"), x)


def test_shifts() -> None:
    for x in (X, ODD):
        assert_call(lambda x: F.fftshift(x), x)
        assert_call(lambda x: F.ifftshift(x), x)
        assert_call(lambda x: F.ifftshift(x, axes=1), x)
