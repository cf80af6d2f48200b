"""`chainrule derive` prints the formula, what was asked for beside it, its check and its speed."""

import os
import subprocess
import sys
from pathlib import Path

import chainrule as cr
import numpy as np
import pytest
from chainrule.cli import main

MODEL = '''\
import numpy as np

rng = np.random.default_rng(0)
X = rng.normal(size=(9, 3))
y = rng.normal(size=9)
EXAMPLES = {"w": np.zeros(3), "b": 0.5, "x": np.ones(3)}


def mse(w, b):
    """Return the mean squared error."""
    return np.mean((y - (X @ w + b)) ** 2)


def outputs(x):
    return np.stack([x[0] ** 2, np.sin(x[1]) * x[2]])
'''


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "derived_model.py"
    path.write_text(MODEL, encoding="utf-8")
    return str(path)


class Printed:
    """Runs the command and keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str, code: int = 0) -> str:
        assert main(["derive", *arguments]) == code
        out, err = self.capsys.readouterr()
        assert (err != "") == (code == 2)
        return out + err


@pytest.fixture
def derive(capsys: pytest.CaptureFixture[str]) -> Printed:
    return Printed(capsys)


def test_a_function_in_a_file(derive: Printed, model: str) -> None:
    text = derive(f"{model}:mse", "--wrt", "w")
    assert "def mse(w, b):" in text
    assert "first derivative by w" in text
    assert "∇_w mse = (2/N) Xᵀ(Xw + b − y)" in text
    assert "✓" in text
    assert "one call: function" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_several_arguments_and_the_first_by_default(derive: Printed, model: str) -> None:
    both = derive(f"{model}:mse", "--wrt", "w", "--wrt", "b")
    assert "derivative by w" in both
    assert "derivative by b" in both
    assert "derivative by w" in derive(f"{model}:mse")


def test_second_order(derive: Printed, model: str) -> None:
    text = derive(f"{model}:mse", "--wrt", "w", "--order", "2")
    assert "(2/N) XᵀX" in text
    assert "Hessian" in text


def test_an_array_valued_function_gives_its_jacobian(derive: Printed, model: str) -> None:
    text = derive(f"{model}:outputs")
    assert "Jacobian" in text
    assert "2x₁" in text


def test_third_order_of_a_number(derive: Printed) -> None:
    text = derive("x**5", "--order", "3")
    assert "third derivative by x" in text
    assert "60" in text


def test_an_expression_with_one_declared_shape(derive: Printed) -> None:
    text = derive("mean((y - (X @ w + b))**2)", "--wrt", "w", "--shape", "X=N,d")
    assert "f(y, X, w, b) = mean((y - (X @ w + b))**2)" in text
    assert "X ∈ ℝ^{N×d}" in text
    assert "Shapes guessed for y, w, b" in text
    assert "(2/N) Xᵀ(Xw + b − y)" in text


def test_an_assumption_simplifies_the_formula(derive: Printed) -> None:
    plain = derive("x @ A @ x", "--wrt", "x", "--shape", "A=n,n")
    symmetric = derive("x @ A @ x", "--wrt", "x", "--shape", "A=n,n", "--assume", "A=symmetric")
    assert "Aᵀ" in plain
    assert "∇_xf=2Ax" in "".join(symmetric.split())
    assert "A ∈ ℝ^{n×n}, symmetric" in symmetric


def test_the_whole_page_fits_in_80_columns(derive: Printed, model: str) -> None:
    text = derive(f"{model}:mse", "--wrt", "w")
    assert "with w ∈ ℝ^" in text
    assert "step by step:" in text
    assert "read off" in text
    assert "✓ mse is" in text  # the certificate
    assert max(map(len, text.splitlines())) <= 80
    assert "step by step:" not in derive(f"{model}:mse", "--wrt", "w", "--no-steps")


def test_latex_code_and_steps(derive: Printed, model: str) -> None:
    text = derive(f"{model}:mse", "--wrt", "w", "--latex", "--code", "numpy", "--steps")
    assert r"\frac{2}{N}" in text
    assert "import numpy as np" in text
    assert "import torch" in derive(f"{model}:mse", "--code", "torch")
    assert "step by step:" in text


def test_a_partial_derivative_by_path(derive: Printed, model: str) -> None:
    assert "first derivative by w[1]" in derive(f"{model}:mse", "--wrt", "w[1]")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sum(x)", "--order", "0"], "--order 0 is not the order of a derivative"),
        (["sum(x)", "--wrt", "z"], "z"),
        (["nowhere.py:f"], "there is no file"),
        (["x[0] @ x"], "cannot be computed"),
    ],
)
def test_a_command_that_cannot_be_carried_out(
    derive: Printed, arguments: list[str], message: str
) -> None:
    text = derive(*arguments, code=2)
    assert text.splitlines()[-1].startswith("chainrule: ") or "chainrule: " in text
    assert message in text
    assert "Traceback" not in text


def test_a_wrong_derivative_fails_the_command(
    derive: Printed, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = cr.check

    def check(f: object, *arguments: object, order: int, wrt: str) -> object:
        return right(f, *arguments, wrt=wrt, against=lambda w, b: np.ones(3))

    monkeypatch.setattr(cr, "check", check)
    assert "✗" in derive(f"{model}:mse", "--wrt", "w", code=1)


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chainrule.cli", "derive", "sum(x**2)"],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "2x" in done.stdout
