"""Functions bound to arrays, and kernels through ctypes."""

import gc
import sys
import weakref

import numpy as np
import pytest
from chainrule.ir.types import ArrayType
from chainrule.native import call, entry, llvm, objects
from tests.native.test_entry import BAD, F8, doubling

pytestmark = pytest.mark.skipif(
    not (llvm.available() and entry.usable()), reason=llvm.why_not() or objects.problem()
)


@pytest.mark.parametrize("workspace", [0, 800, 80_000])
def test_a_bound_function_runs_on_its_arrays(workspace):
    t = ArrayType((100,), F8)
    types = [t, ArrayType((), F8)]
    code = doubling(types, workspace=workspace)
    x, s, y, z = np.arange(100.0), np.array(1.5), np.empty(100), np.empty(())
    f = call.bound_function(
        code["bound"],
        lambda: "slow",
        [x, s],
        [y, z],
        [*types, *types],
        (y, z),
        workspace=workspace,
        keep=code,
    )
    results = f()
    count = sys.getrefcount(results)
    for k in range(3):
        x += k
        assert f()[0] is y
        assert (y == 2 * x).all()
    assert z == 3.0
    assert f() is results
    again = sys.getrefcount(results)
    assert again == count
    with pytest.raises(TypeError):
        f(x)
    kept = weakref.ref(x)
    del x, s, code, results  # the function keeps what it uses
    gc.collect()
    assert kept() is not None
    y[:] = 0
    f()
    assert y[1] == 2 * (1 + 0 + 1 + 2)


def test_a_bound_kernel_that_gives_up_goes_to_python():
    t = ArrayType((3,), F8)
    code = doubling([t], status=1)
    x, y = np.ones(3), np.empty(3)
    f = call.bound_function(
        code["bound"], lambda: "slow", [x], [y], [t, t], y, workspace=0, keep=code
    )
    assert f() == "slow"


def test_only_arrays_that_fit_are_bound():
    t = ArrayType((4, 4), F8)
    code = doubling([t])
    x, y = np.ones((4, 4)), np.empty((4, 4))
    locked = np.empty((4, 4))
    locked.flags.writeable = False
    memory = np.empty(20)
    overlapping = memory[:16].reshape(4, 4), memory[4:].reshape(4, 4)

    def bind(x, y):
        return call.bound_function(
            code["bound"], lambda: "slow", [x], [y], [t, t], None, workspace=0, keep=code
        )

    assert bind(x, y)() is None
    assert (y == 2).all()
    for kind in BAD.values():
        with pytest.raises(ValueError, match="input 0"):
            bind(kind(x), y)
        with pytest.raises(ValueError, match="output 0"):
            bind(x, kind(x))
    for bad in ((x, locked), overlapping, (x, x[:])):
        with pytest.raises(ValueError, match="output 0"):
            bind(*bad)


def test_a_kernel_is_called_through_ctypes():
    t = ArrayType((3, 2), F8)
    code = doubling([t], workspace=100)
    y = np.empty((3, 2))
    for value in (np.ones((3, 2), np.float32), np.ones((2, 3)).T, [[1, 1]] * 3, np.ones((3, 2))):
        x = call.as_argument(value, t)
        assert call.call_kernel(code["kernel"], [x, y], 100) == 0
        assert (y == 2).all()
        y[:] = 0
    with pytest.raises(ValueError, match="shape"):
        call.as_argument(np.ones(3), t)


def test_where_objects_are_unknown_kernels_are_called_through_ctypes(monkeypatch):
    t = ArrayType((3,), F8)
    code = doubling([t])
    monkeypatch.setattr(objects, "problem", lambda: "objects of another size")
    assert not entry.usable()
    assert not entry.fits([t], [t])
    x, y = np.ones(3), np.empty(3)
    assert call.call_kernel(code["kernel"], [x, y], 0) == 0
    assert y.tolist() == [2.0] * 3
