"""The page of what differentiates is true, complete and current."""

from __future__ import annotations

from importlib import import_module

import chainrule as cr
import numpy as np
import pytest
from chainrule.errors import UnsupportedFunction
from chainrule.trace.functions.refused import REFUSED
from tests.trace import coverage

#: What has gone from NumPy since the oldest version that is supported.
GONE = {"row_stack"}


@pytest.mark.skipif(not hasattr(np, "row_stack"), reason="the page is that of an earlier NumPy")
def test_the_page_is_up_to_date() -> None:
    assert coverage.PAGE.read_text(encoding="utf-8") == coverage.page()


@pytest.mark.parametrize("where", coverage.MODULES)
def test_every_public_name_is_classified(where: str) -> None:
    assert coverage.classes(where)["unknown"] == []


@pytest.mark.parametrize("where", coverage.OUTSIDE)
def test_what_is_outside_is_there(where: str) -> None:
    public = {name for name, _ in coverage.names(where)}
    listed = " ".join(coverage.OUTSIDE[where].values()).split()
    assert set(listed) - public <= {"errstate", "einsum_path"} | GONE
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("what", REFUSED)
def test_a_refused_function_says_why(what: str) -> None:
    where, _, name = what.rpartition(".")
    module = np if where == "np" else import_module(where)
    function = getattr(module, name, None)
    if function is None:
        pytest.skip("not in this version of SciPy")
    count = function.nin if isinstance(function, np.ufunc) else 2

    def f(x):
        return np.sum(getattr(module, name)(*[x] * count))

    with pytest.raises(UnsupportedFunction) as caught:
        cr.grad(f)(np.full((2, 2), 1.5))
    reason, instead = REFUSED[what]
    assert what in str(caught.value)
    assert reason in str(caught.value)
    assert instead in str(caught.value)
