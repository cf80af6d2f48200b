"""Interception: only during a trace, on its own thread, and always undone."""

import contextlib
import math
import operator
import os
import subprocess
import sys
import textwrap
import threading
import types
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.trace.buffers import Buffer
from chainrule.trace.interception import intercept, interception
from chainrule.trace.recording import tracing

X = np.array([1.0, 2.0])

#: The type of 1.0, under a name that is not intercepted.
NUMBER = (1.0).__class__

ORIGINALS = (np.zeros, np.array, np.asarray, np.float64, np.sum, np.r_, math.sin, math.sqrt)


def current() -> tuple[object, ...]:
    return (np.zeros, np.array, np.asarray, np.float64, np.sum, np.r_, math.sin, math.sqrt)


def untouched() -> bool:
    return current() == ORIGINALS and "float" not in globals() and "len" not in globals()


def filled(x):
    a = np.zeros(2)
    a[0] = float(x[0]) ** 2
    a[1] = math.sin(x[1])
    return np.sum(a)


def test_importing_patches_nothing() -> None:
    program = """
        import math, sys, builtins
        import numpy as np
        spaces = vars(np), vars(math), vars(builtins)
        before = [dict(space) for space in spaces]
        import chainrule as cr
        for space, old in zip(spaces, before):
            assert all(space[name] is value for name, value in old.items())
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True)


def test_undone_after_a_call() -> None:
    cr.grad(filled)(X)
    assert untouched()


def test_undone_after_an_exception() -> None:
    def f(x):
        assert np.zeros is not ORIGINALS[0]
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        cr.grad(f)(X)
    assert untouched()


def test_undone_when_nested_calls_fail() -> None:
    def f(x):
        with contextlib.suppress(ZeroDivisionError):
            cr.grad(lambda y: 1 / 0)(x)
        a = np.zeros(2)
        a[0] = x[0]
        return np.sum(a) ** 2

    np.testing.assert_array_equal(cr.grad(f)(X), [2.0, 0.0])
    assert untouched()


def test_undone_around_generators() -> None:
    def derivatives():
        for k in range(3):
            yield cr.grad(lambda x, k=k: filled(x) * k)(X)

    seen = []
    for g in derivatives():
        assert untouched()
        seen.append(g)

    def traced(x):
        return sum(t for t in (float(x[k]) for k in range(2)))

    np.testing.assert_array_equal(cr.grad(traced)(X), [1.0, 1.0])
    assert untouched()


def test_builtins_are_never_touched() -> None:
    import builtins

    before = dict(vars(builtins))

    def f(x):
        assert dict(vars(builtins)) == before
        return filled(x)

    cr.grad(f)(X)


def test_a_module_imported_during_a_trace_gets_the_real_names(tmp_path, monkeypatch) -> None:
    (tmp_path / "imported_late.py").write_text(
        "from numpy import zeros\nfrom math import sin\nimport numpy as np\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    def f(x):
        import imported_late

        a = imported_late.zeros(2)
        a[0] = imported_late.sin(x[0])
        return np.sum(a)

    np.testing.assert_allclose(cr.grad(f)(X), [np.cos(1.0), 0.0])
    late = sys.modules.pop("imported_late")
    assert late.zeros is ORIGINALS[0]
    assert late.sin is ORIGINALS[6]


def test_a_name_that_the_program_rebinds_stays_rebound() -> None:
    module = types.ModuleType("rebinding")
    module.zeros = np.zeros
    source = "def f(x):\n    global zeros\n    zeros = 'mine'\n    return x * x\n"
    exec(source, vars(module))
    sys.modules["rebinding"] = module
    try:
        assert cr.grad(module.f)(3.0) == 6.0
        assert module.zeros == "mine"
    finally:
        del sys.modules["rebinding"]


@pytest.mark.parametrize("name", ["rebound", "__main__"])
def test_names_that_were_rebound_between_calls(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "something new", types.ModuleType("something new"))
    module.make, module.dtype = np.ones, np.float32
    exec("def f(x): return x * make(2, dtype)[0] + other", vars(module))
    module.other = 0.0
    assert cr.grad(module.f)(3.0) == 1.0
    mine = lambda *_: [2.0]  # noqa: E731
    module.make, module.dtype = mine, np.float64
    assert cr.grad(module.f)(3.0) == 2.0
    assert (module.make, module.dtype) == (mine, np.float64)
    module.other = np.zeros
    assert cr.grad(lambda x: x * x)(3.0) == 6.0
    assert module.other is np.zeros


def test_in_the_program_itself_a_name_may_become_a_function(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    monkeypatch.setitem(sys.modules, "something else", types.ModuleType("something else"))
    module.make = None
    exec("def f(x):\n    a = make(2)\n    a[0] = x * x\n    return a[0]", vars(module))
    cr.grad(lambda x: x * x)(3.0)
    module.make = np.zeros
    assert cr.grad(module.f)(3.0) == 6.0
    assert module.make is np.zeros


def test_a_module_that_grows_is_looked_at_again() -> None:
    module = types.ModuleType("growing")
    sys.modules["growing"] = module
    try:
        exec("def f(x): return x * x", vars(module))
        cr.grad(module.f)(1.0)
        exec("from math import sin\ndef g(x): return sin(float(x))", vars(module))
        assert cr.grad(module.g)(0.0) == 1.0
        assert module.sin is math.sin
        assert "float" not in vars(module)
    finally:
        del sys.modules["growing"]


def test_a_module_that_compares_types_by_identity_keeps_its_float() -> None:
    module = types.ModuleType("identity")
    sys.modules["identity"] = module
    try:
        exec("def f(x, y): return x * (2 if type(y) is float else 3)", vars(module))
        assert cr.grad(module.f)(1.0, 5.0) == 2.0
    finally:
        del sys.modules["identity"]


# -- numbers ---------------------------------------------------------------------------------------


def test_float_is_float_in_every_other_way() -> None:
    def f(x):
        assert isinstance(1.0, float)
        assert not isinstance(1, float)
        assert isinstance(True, (int, float))
        assert issubclass(float, float)
        assert operator.eq(float, NUMBER)
        assert operator.eq(NUMBER, float)
        assert {float: 1}[NUMBER] == 1
        assert np.dtype(float) == np.float64
        assert np.zeros(2, float).dtype == float
        assert float("1.5") == 1.5
        assert float.fromhex("0x1p3") == 8.0
        assert np.result_type(np.float32, np.float64) == np.float64
        assert np.issubdtype(np.float32, np.floating)
        assert np.finfo(np.float64).eps == np.finfo(float).eps
        assert isinstance(np.float64(3), np.float64)
        return float(x) * 2

    assert cr.grad(f)(1.0) == 2.0


# -- threads ---------------------------------------------------------------------------------------


def test_two_threads_trace_while_a_third_runs_plain_numpy() -> None:
    stop = threading.Event()
    failures: list[str] = []

    def check(ok: bool, what: str) -> None:
        if not ok:
            failures.append(what)

    def tracer(power: int) -> None:
        def f(x):
            a = np.zeros(2)
            for k in range(2):
                a[k] = float(x[k]) ** power
            return np.sum(np.array([a[0], a[1], math.exp(x[0])]))

        expected = power * X ** (power - 1) + [math.exp(1.0), 0]
        while not stop.is_set():
            check(np.allclose(cr.grad(f)(X), expected), f"gradient of power {power}")

    def plain() -> None:
        x = 1.0
        while not stop.is_set():
            a = np.zeros(3)
            check(type(a) is np.ndarray, "type of zeros")
            check(type(np.array([1.0, 2.0])) is np.ndarray, "type of array")
            check(type(math.sin(1.0)) == float, "type of sin")  # noqa: E721
            check(operator.ne(type(np.float64(x)), NUMBER), "type of float64")
            check(float(np.sum([1.0, 2.0])) == 3.0, "sum of a list")
            check(np.r_[1, 2].shape == (2,), "r_")

    threads = [threading.Thread(target=tracer, args=(k,)) for k in (2, 3)]
    threads.append(threading.Thread(target=plain))
    for t in threads:
        t.start()
    stop.wait(1.5)
    stop.set()
    for t in threads:
        t.join()
    assert failures == []
    assert untouched()
    assert interception.count == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_process_is_not_left_patched() -> None:
    program = """
        import os, threading, warnings
        import numpy as np, chainrule as cr
        warnings.simplefilter("ignore")
        original = [np.zeros]  # a global name for it would be intercepted too
        inside, leave = threading.Event(), threading.Event()
        def f(x):
            inside.set()
            leave.wait()
            return x * x
        t = threading.Thread(target=cr.grad(f), args=(1.0,))
        t.start()
        inside.wait()
        assert np.zeros is not original[0]
        child = os.fork()
        if child == 0:
            os._exit(0 if np.zeros is original[0] and cr.grad(lambda x: x * x)(3.0) == 6.0 else 1)
        leave.set()
        t.join()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert np.zeros is original[0]
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=60)


# -- off -------------------------------------------------------------------------------------------


def test_switched_off_for_a_block() -> None:
    with intercept(False):
        assert cr.grad(lambda x: np.sum(np.sin(x)))(0.0) == 1.0
        with pytest.raises(cr.errors.CutDerivative):
            cr.grad(filled)(X)
    cr.grad(filled)(X)


def test_switched_off_for_a_function() -> None:
    @intercept(False)
    def f(x):
        assert type(np.zeros(2)) is np.ndarray
        return x * x

    assert cr.grad(f)(3.0) == 6.0

    def g(x):
        return f(x) + filled(np.array([x, x]))

    np.testing.assert_allclose(cr.grad(g)(1.0), 2 + 2 + math.cos(1.0))


def test_switched_off_for_a_process() -> None:
    program = """
        import numpy as np, chainrule as cr
        original = [np.zeros]
        def f(x):
            assert np.zeros is original[0]
            return x * x
        assert cr.grad(f)(3.0) == 6.0
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        check=True,
        env={**os.environ, "CHAINRULE_INTERCEPT": "0"},
    )


# -- what a buffer is outside of its trace ---------------------------------------------------------


def test_an_array_that_outlives_its_trace_is_an_ordinary_one() -> None:
    kept = {}

    def f(x):
        kept.setdefault("table", np.arange(3.0))
        return x * np.sum(kept["table"])

    assert cr.grad(f)(1.0) == 3.0
    table = kept["table"]
    assert type(table * 2) is np.ndarray
    assert type(np.sin(table)) is np.ndarray
    table[0] = 5.0
    assert repr(table) == "array([5., 1., 2.])"
    assert cr.grad(f)(1.0) == 8.0
    import pickle

    again = pickle.loads(pickle.dumps(table))  # noqa: S301
    assert type(again) is np.ndarray


def test_a_traced_buffer_that_outlives_its_trace_says_so() -> None:
    kept = []

    def f(x):
        a = np.zeros(2)
        a[0] = x
        kept.append(a)
        return x * x

    cr.grad(f)(1.0)
    assert type(kept[0]) is Buffer
    with pytest.raises(cr.errors.EndedTrace):
        np.sum(kept[0])


def test_no_view_of_our_own_code_is_intercepted() -> None:
    from chainrule.ops.structural import place

    with tracing() as trace:
        trace.input(1.0)
        made = place([np.ones(2)], (3,), (((0, 2, 1),),))
        assert type(made) is np.ndarray


def test_the_scan_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace looks through no module that an earlier trace has looked through."""

    def empty() -> None:
        with tracing():
            pass

    empty()
    looked: list[str] = []
    look = interception._look
    monkeypatch.setattr(
        interception, "_look", lambda name, module: looked.append(name) or look(name, module)
    )
    empty()
    assert looked == []


def test_a_function_that_no_name_leads_to_is_replaced_from_within() -> None:
    from functools import partial

    from scipy.special import logsumexp

    held = {"itself": logsumexp, "partial": partial(logsumexp, axis=-1)}
    code = logsumexp.__code__

    def default(x: Any, f: Any = held["itself"]) -> Any:
        return f(x)

    x = np.array([0.5, 1.5, -1.0])
    expected = np.exp(x) / np.sum(np.exp(x))
    for f in (lambda x: logsumexp(x), lambda x: held["partial"](x), default, held["itself"]):
        np.testing.assert_allclose(cr.grad(f)(x), expected, rtol=1e-14)
        np.testing.assert_allclose(cr.jit(cr.grad(f))(x), expected, rtol=1e-14)
    assert logsumexp.__code__ is code
    assert logsumexp([1.0, 1.0]) == 1 + np.log(2)


def test_a_function_replaced_from_within_is_itself_on_other_threads() -> None:
    from scipy.special import logsumexp

    found = []

    def f(x: Any) -> Any:
        thread = threading.Thread(target=lambda: found.append(logsumexp(np.zeros(2))))
        thread.start()
        thread.join()
        return logsumexp(np.stack([x, x], axis=0), keepdims=False)

    assert cr.grad(f)(1.0) == 1.0
    assert found == [np.log(2)]
    assert type(found[0]) is np.float64


@pytest.mark.parametrize(
    ("source", "call"),
    [
        ("import abc\nclass A(abc.ABC):\n    def f(self, x): return float(x) ** 2", "A().f"),
        ("import enum\nclass E(enum.Enum):\n    A = 1\n    def f(self, x): return float(x) ** 2", "E.A.f"),
        ("def d(g): return lambda x: g(x)\n@d\ndef f(x): return float(x) ** 2", "f"),
        ("table = {'square': [lambda x: float(x) ** 2]}", "table['square'][0]"),
        ("import functools\np = functools.partial(lambda n, x: float(x) ** n, 2)", "p"),
    ],
)  # fmt: skip
def test_a_function_is_found_in_any_class_in_a_container_and_under_a_decorator(
    source: str, call: str
) -> None:
    name = f"scattered over {call}"
    module = sys.modules[name] = types.ModuleType(name)
    try:
        exec(f"{source}\ndef run(x): return {call}(x)", vars(module))
        assert cr.grad(module.run)(3.0) == 6.0
    finally:
        del sys.modules[name]


# -- namespaces of no module -----------------------------------------------------------------------


def test_programs_that_are_no_modules() -> None:
    space: dict[str, object] = {"np": np}
    exec(
        "from math import sin\n"
        "from numpy import zeros\n"
        "def f(x):\n"
        "    a = zeros(2)\n"
        "    a[0] = float(x[0]) ** 2\n"
        "    a[1] = sin(x[1]) if type(x) is np.ndarray else 0.0\n"
        "    return np.sum(a)\n",
        space,
    )
    before = dict(space)
    f = space["f"]
    expected = [2.0, np.cos(2.0)]
    for _ in range(2):
        np.testing.assert_allclose(cr.grad(f)(X), expected)
        np.testing.assert_allclose(cr.grad(lambda x: f(x) * 1)(X), expected)
        np.testing.assert_allclose(cr.jit(cr.grad(f))(X), expected)
        assert space == before
    space["sin"] = math.cos
    np.testing.assert_allclose(cr.grad(f)(X), [2.0, -np.sin(2.0)])
    assert space["sin"] is math.cos


def test_a_method_of_a_module_that_is_imported_later_is_replaced() -> None:
    code = (
        "import numpy as np, chainrule as cr\n"
        "cr.grad(lambda x: np.sum(x * x))(np.ones(3))\n"
        "from scipy.stats import multivariate_normal\n"
        "f = lambda C: multivariate_normal.logpdf(np.ones(3), np.zeros(3), (C + C.T) / 2)\n"
        "expected = 0.5 * (np.ones((3, 3)) - np.eye(3))\n"
        "np.testing.assert_allclose(cr.grad(f)(np.eye(3)), expected, atol=1e-14)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_trace_imports_nothing_of_scipys() -> None:
    """SciPy's modules import each other when they are asked for: a second for the first trace."""
    code = (
        "import sys, numpy as np, scipy.linalg, chainrule as cr\n"
        "before = set(sys.modules)\n"
        "cr.grad(lambda x: np.sum(x * x))(np.ones(3))\n"
        "new = {m for m in set(sys.modules) - before if m.startswith('scipy')}\n"
        "assert not new, sorted(new)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
