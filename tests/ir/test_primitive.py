"""Primitives are found again by name, whatever other threads do meanwhile."""

from __future__ import annotations

import gc
import pickle
import sys
from types import ModuleType

import chainrule as cr
import numpy as np
from chainrule.ir import primitive
from chainrule.ops import PRIMITIVES


def test_a_home_is_found_while_modules_come_and_go() -> None:
    """A collection may run between any two allocations, and another thread then."""

    def meanwhile(phase: str, _: object) -> None:
        if phase == "stop":
            return
        if sys.modules.pop("come and gone", None) is None:
            sys.modules["come and gone"] = ModuleType("come and gone")
        if vars(gone).pop("name", None) is None:
            gone.name = 1  # type: ignore[attr-defined]

    gone = ModuleType("this one stays")
    threshold = gc.get_threshold()
    gc.callbacks.append(meanwhile)
    sys.modules[gone.__name__] = gone
    pairs = [(k, None) for k in range(10_000)]  # no spare ones: each is an allocation from now on
    gc.set_threshold(1)
    try:
        for row in PRIMITIVES[:5]:
            primitive._home.cache_clear()
            assert pickle.loads(pickle.dumps(row)) is row  # noqa: S301 - written here
        assert cr.grad(lambda x: np.sum(x * x))(1.0) == 2.0
    finally:
        gc.set_threshold(*threshold)
        del pairs
        gc.callbacks.remove(meanwhile)
        sys.modules.pop("come and gone", None)
        del sys.modules[gone.__name__]
