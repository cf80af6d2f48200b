"""The garbage collector is at rest during a walk, and as it was before it afterwards."""

import gc
from collections.abc import Iterator

import chainrule as cr
import numpy as np
import pytest
from chainrule.ir.collector import at_rest


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    before = gc.isenabled()
    yield
    (gc.enable if before else gc.disable)()


@at_rest
def asked() -> bool:
    return gc.isenabled()


@at_rest
def nested() -> tuple[bool, bool]:
    return asked(), gc.isenabled()


@at_rest
def failing() -> None:
    raise KeyError


def test_it_rests_and_works_again() -> None:
    gc.enable()
    assert not asked()
    assert gc.isenabled()
    assert nested() == (False, False)
    assert gc.isenabled()


def test_it_works_again_after_an_error() -> None:
    gc.enable()
    with pytest.raises(KeyError):
        failing()
    assert gc.isenabled()


def test_it_stays_off_where_the_user_wants_it_off() -> None:
    gc.disable()
    assert not asked()
    assert not gc.isenabled()


def test_it_is_at_work_while_the_users_function_runs() -> None:
    gc.enable()
    seen = []

    def f(x):
        seen.append(gc.isenabled())
        return np.sum(x**2)

    cr.hessian(f)(np.ones(2))
    assert all(seen)
    assert gc.isenabled()
