"""``import chainrule`` is light, and leaves the world as it found it."""

import subprocess
import sys
from textwrap import dedent

import pytest

HEAVY = (
    "llvmlite",
    "matplotlib",
    "rich",
    "scipy.linalg",
    "scipy.sparse",
    "scipy.special",
    "sklearn",
)


def run(program: str) -> str:
    """What `program` prints, in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-c", dedent(program)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_patches_nothing() -> None:
    assert run("""
        import builtins, math, sys
        import numpy, numpy.linalg, numpy.random, scipy

        watched = (builtins, math, sys, numpy, numpy.linalg, numpy.random, numpy.ndarray, scipy)
        before = [dict(vars(place)) for place in watched]
        hooks = list(sys.meta_path), list(sys.path_hooks), dict(numpy.geterr())

        import chainrule

        changed = [
            f"{place.__name__}.{name}"
            for place, names in zip(watched, before)
            for name, value in names.items()
            if vars(place).get(name, names) is not value
        ]
        assert (list(sys.meta_path), list(sys.path_hooks), dict(numpy.geterr())) == hooks
        print(changed)
    """) == "[]"


@pytest.mark.parametrize("package", HEAVY)
def test_it_does_not_import(package: str) -> None:
    assert run(f"import sys, chainrule; print({package!r} in sys.modules)") == "False"


def test_it_starts_no_thread_and_prints_nothing() -> None:
    assert run("""
        import threading, warnings
        warnings.simplefilter("error")
        import chainrule
        assert threading.active_count() == 1
    """) == ""
