"""Every example runs, prints, passes its own assertions, and keeps to the examples' form."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))

every_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)


def test_there_are_examples() -> None:
    assert {path.stem for path in EXAMPLES} >= {
        "backpropagation",
        "compiled_training",
        "convolution",
        "custom_primitive",
        "jacobian_and_hessian",
        "logistic_regression",
        "mse_gradient",
        "nist_least_squares",
        "optimisers_compared",
        "per_example_gradients",
        "poisson_regression",
        "rosenbrock_1000",
        "scipy_minimize",
        "softmax_regression",
        "third_derivative",
        "train_digits",
        "while_loop",
    }


@every_example
def test_it_runs(path: Path, tmp_path: Path) -> None:
    """As a user runs it: a script, from any folder, with warnings as errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "an example prints its result"
    assert not done.stderr.strip(), done.stderr


@every_example
def test_its_form(path: Path) -> None:
    """Under 60 lines; a question answered in the first; nothing printed goes unasserted."""
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    assert len(lines) < 60
    assert lines[0].startswith('"""')
    assert lines[0].endswith('"""')
    assert "?" in lines[0]
    assert any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(source)))
