"""The functions of `nn` agree with PyTorch's to 1e-12, in value and in gradient, compiled and not."""

import chainrule as cr
import numpy as np
import pytest
from chainrule import nn
from tests.nn.torch_cases import CASES, GOLDEN, ours, theirs

CLOSE = {"rtol": 1e-12, "atol": 1e-12}
HOW = {"as it is": lambda f: f, "compiled": cr.jit}

#: Only draws, names and shapes: tests of their own, in ``test_nn.py``.
ELSEWHERE = {"dropout", "sequential", "fans", "zeros", "ones", "orthogonal"}


def test_every_function_is_compared():
    used = {name for case in CASES.values() for name in _names(case.ours)}
    rest = {name for name in nn.__all__ if not name.startswith(("init_", "glorot", "he_", "lecun"))}
    assert rest - used == ELSEWHERE


def _names(function):
    """The functions of `nn` that one of ours is, or names in its code."""
    found = {getattr(function, "__name__", "")} & set(nn.__all__)
    code = getattr(function, "__code__", None)
    if code is not None:
        found |= set(code.co_names) & set(nn.__all__)
    if found & {"multi_head_attention"}:
        found.add("attention")
    return found


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", CASES)
def test_recorded(name, how):
    with np.load(GOLDEN) as golden:
        np.testing.assert_allclose(ours(CASES[name], HOW[how]), golden[name], **CLOSE)


@pytest.mark.parametrize("name", CASES)
def test_live(name):
    """With the PyTorch that is installed, where one is."""
    pytest.importorskip("torch")
    np.testing.assert_allclose(ours(CASES[name]), theirs(CASES[name]), **CLOSE)
