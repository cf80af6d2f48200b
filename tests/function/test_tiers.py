"""Programs that prove hot are compiled in the background: the same results, and nobody waits."""

import os
import subprocess
import sys
import threading
import time
from textwrap import dedent
from types import SimpleNamespace

import chainrule as cr
import numpy as np
import pytest
from chainrule.function import engine, execution, tiers
from chainrule.ir.graph import Graph
from chainrule.ops.program import Program

X = np.linspace(0.1, 1.0, 5)


class Compiled:
    """What stands for native code here: it counts its runs."""

    def __init__(self, graph, check=None):
        self.graph = graph
        self.program = Program(graph)
        self.runs = 0
        self.workspace = 0
        made.append(self)

    def __call__(self, values):
        self.runs += 1
        return self.program(values)

    def entry(self, slow):
        return execution.checked_entry(self, slow)

    def text(self):
        return ""


made: list[Compiled] = []


@pytest.fixture(autouse=True)
def compiler(monkeypatch):
    """A compiler that is always there; nothing compiled before or after."""

    class Native:
        compile_graph = staticmethod(lambda graph, check=None, **options: Compiled(graph))
        llvm = SimpleNamespace(machine=lambda: None)

    monkeypatch.setattr(execution, "_compiler", Native)
    monkeypatch.delenv("CHAINRULE_JIT", raising=False)
    engine.forget()
    made.clear()
    with cr.tiers(True):
        yield
    tiers.drain()
    engine.forget()


def test_what_is_run_often_is_compiled():
    slope = cr.grad(lambda x: np.sum(np.sin(x) ** 2))
    expected = slope(X)
    for _ in range(tiers.HOT_RUNS - 2):
        slope(X)
    tiers.drain()
    assert not made
    slope(X)
    tiers.drain()
    assert len(made) == 1
    for k in range(1, 4):
        assert np.array_equal(slope(X), expected)
        assert made[0].runs == k


def test_what_takes_long_is_compiled(monkeypatch):
    monkeypatch.setattr(tiers, "HOT_SECONDS", 0.0)
    slope = cr.grad(lambda x: np.sum(np.cos(x)))
    slope(X)
    tiers.drain()
    assert not made
    slope(X)
    tiers.drain()
    assert len(made) == 1


def test_results_belong_to_the_caller():
    slope = cr.value_and_grad(lambda x: np.sum(x**2))
    for _ in range(60):
        slope(X)
    tiers.drain()
    before = made[0].runs  # perhaps some of the sixty
    (_, first), (_, second) = slope(X), slope(X)
    assert made[0].runs == before + 2
    first[:] = 0
    assert np.allclose(second, 2 * X)


def test_it_is_switched_off():
    slope = cr.grad(lambda x: np.sum(np.exp(x)))
    with cr.tiers(False):
        for _ in range(100):
            slope(X)
        tiers.drain()
    assert not made
    slope(X)
    tiers.drain()
    assert len(made) == 1
    slope(X)
    with cr.tiers(False):
        slope(X)
    assert made[0].runs == 1


def test_what_cannot_be_compiled_stays(monkeypatch):
    def refuse(graph, check=None, threads=1):
        raise NotImplementedError("no such step")

    monkeypatch.setattr(execution._compiler, "compile_graph", staticmethod(refuse))
    slope = cr.grad(lambda x: np.sum(np.tanh(x)))
    for _ in range(100):
        expected = slope(X)
    tiers.drain()
    assert np.array_equal(slope(X), expected)


def test_errors_are_those_of_numpy():
    f = cr.grad(lambda a: np.linalg.inv(a).sum())
    for _ in range(60):
        f(np.eye(2))
    tiers.drain()
    assert made
    with pytest.raises(np.linalg.LinAlgError):
        f(np.zeros((2, 2)))


def test_code_that_fails_is_not_relied_on():
    program = tiers.Tiered(_graph())
    program._fast = lambda *values: 1 / 0
    assert np.allclose(program([X])[0], np.cos(X))
    program._fast = tiers._miss
    assert np.allclose(program([X])[0], np.cos(X))


def _graph():
    from chainrule.trace.recording import tracing

    with tracing() as trace:
        x = trace.input(X)
        return Graph((x.node,), (np.cos(x).node,))


def test_no_thread_is_left():
    slope = cr.grad(lambda x: np.sum(np.log(x)))
    for _ in range(100):
        slope(X)
    tiers.drain()
    assert not [t for t in threading.enumerate() if "chainrule" in t.name]


def test_no_call_waits(monkeypatch):
    """The compiler works in Python for a while: calls go on beside it."""

    def slow(graph, check=None, **options):
        end = time.perf_counter() + 0.3
        while time.perf_counter() < end:
            sum(_squares())
        return Compiled(graph)

    def _squares():
        return [_square(k) for k in range(50)]

    def _square(k):
        return k * k

    monkeypatch.setattr(execution._compiler, "compile_graph", staticmethod(slow))
    slope = cr.grad(lambda x: np.sum(np.sinh(x)))
    for _ in range(tiers.HOT_RUNS):
        slope(X)
    starts = [time.perf_counter()]
    while not made and starts[-1] < starts[0] + 30:
        slope(X)
        starts.append(time.perf_counter())
    times = np.diff(starts)
    assert made
    assert len(times) > 20
    print(f"median {np.median(times) * 1e6:.0f} µs, longest {max(times) * 1e3:.1f} ms")


def test_threads():
    slope = cr.grad(lambda x: np.sum(x**3))
    wrong = []

    def work():
        wrong.extend(k for k in range(200) if not np.allclose(slope(X), 3 * X**2))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    tiers.drain()
    assert not wrong
    assert len(made) == 1


FORK = "os.fork() or os._exit(0)"
ENDINGS = [("pass", 50), ("raise SystemExit(0)", 50), *([(FORK, 1)] if hasattr(os, "fork") else [])]


@pytest.mark.parametrize(("ending", "long"), ENDINGS)
@pytest.mark.parametrize("wait", [0, 0.003])
def test_the_process_may_end_at_any_time(ending, long, wait):
    """The compiler here does nothing but call our functions, and write to the log, for so long.

    An end makes it stop, and a fork waits for it.
    """
    run(f"""
        import logging, os, time, warnings
        from types import SimpleNamespace
        import numpy as np, chainrule as cr
        from chainrule.function import execution, tiers

        class Native:
            llvm = SimpleNamespace(machine=lambda: None)

            @staticmethod
            def compile_graph(graph, check=None, **options):
                log = logging.getLogger("chainrule")
                end = time.perf_counter() + {long}
                while time.perf_counter() < end:
                    cr.ravel([1.0])
                    log.manager._clear_cache()
                    log.debug("at work")

        execution._compiler = Native
        slope = cr.grad(lambda x: np.sum(np.sin(x)))
        for _ in range(100):
            slope(np.ones(3))
        time.sleep({wait})
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        {ending}
    """)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a platform without fork")
def test_a_fork_amid_compilation():
    """No child inherits a lock that is taken, and nobody waits for ever for one."""
    run("""
        import os, time
        import numpy as np, chainrule as cr

        def f(x):
            for k in range(60):
                x = np.sin(x) * x[::-1] + k
            return np.sum(x)

        slope = cr.grad(f)
        for _ in range(60):
            slope(np.ones(3))
        for _ in range(30):
            child = os.fork()
            if not child:
                cr.jit(lambda x: x + 1)(np.ones(2))
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            time.sleep(0.002)
    """)


def run(program):
    """Run a program in a process of its own; it ends well and soon, and prints nothing."""
    environment = {**os.environ, "CHAINRULE_TIERS": "on", "CHAINRULE_CACHE": "off"}
    environment.pop("CHAINRULE_JIT", None)
    done = subprocess.run(
        [sys.executable, "-c", dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=40,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_variable():
    program = "import chainrule; print(chainrule.tiers.on)"
    for value, expected in (("off", "False"), ("0", "False"), ("on", "True"), ("", "True")):
        environment = {**os.environ, "CHAINRULE_TIERS": value}
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        assert done.stdout.strip() == expected
