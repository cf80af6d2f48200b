"""Example arguments: declared, offered by the file, or, for an expression, guessed."""

from pathlib import Path

import numpy as np
import pytest
from chainrule.cli.arguments import Arguments, arguments_of
from chainrule.cli.target import CommandError, Target, find

FUNCTIONS = """
import numpy as np

def loss(w, b, scale=1.0):
    return np.sum((w - b) ** 2) * scale

def other(x):
    return np.sum(x)
"""


def target_in(folder: Path, offered: str, function: str = "loss") -> Target:
    path = folder / "offers.py"
    path.write_text(FUNCTIONS + offered, encoding="utf-8")
    return find(f"{path}:{function}")


@pytest.mark.parametrize(
    "offered",
    [
        "EXAMPLES = {'w': np.ones(3), 'b': 0.5}",
        "EXAMPLES = {'loss': (np.ones(3), 0.5)}",
        "EXAMPLES = {'loss': {'b': 0.5, 'w': np.ones(3)}, 'other': (1.0,)}",
        "def example_arguments(): return {'b': 0.5, 'w': np.ones(3)}",
        "def example_arguments(): return np.ones(3), 0.5",
        "EXAMPLES = {'w': np.ones(3)}\ndef example_arguments(): return {'b': 0.5}",
    ],
)
def test_the_file_offers_them(tmp_path: Path, offered: str) -> None:
    arguments = arguments_of(target_in(tmp_path, offered), [], [])
    assert len(arguments.values) == 2
    np.testing.assert_array_equal(arguments.values[0], np.ones(3))
    assert arguments.values[1] == 0.5
    assert arguments.declared == arguments.guessed == ()


def test_a_declaration_is_stronger_than_the_file(tmp_path: Path) -> None:
    target = target_in(tmp_path, "EXAMPLES = {'w': np.ones(3), 'b': 0.5}")
    arguments = arguments_of(target, ["w=d"], [])
    assert np.shape(arguments.values[0]) != (3,)
    assert arguments.values[1] == 0.5
    assert [str(one) for one in arguments.declared] == ["w ∈ ℝ^d"]


def test_what_nobody_gave_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as raised:
        arguments_of(target_in(tmp_path, "EXAMPLES = {'w': np.ones(3)}"), [], [])
    assert "loss needs example arguments: b." in str(raised.value)
    assert "--shape b=…" in str(raised.value)
    assert 'EXAMPLES = {"b": …}' in str(raised.value)


def of_expression(text: str, *shapes: str, assume: tuple[str, ...] = ()) -> Arguments:
    return arguments_of(find(text), shapes, assume)


@pytest.mark.parametrize(
    ("text", "shapes", "expected"),
    [
        (
            "mean((y - (X @ w + b))**2)",
            ["X=N,d"],
            ["y ∈ ℝ^N", "X ∈ ℝ^{N×d}", "w ∈ ℝ^d", "b ∈ ℝ"],
        ),
        ("log(sum(exp(x)))", [], ["x ∈ ℝ^n"]),
        ("exp(sin(x))", [], ["x ∈ ℝ"]),
        ("x @ A @ x", [], ["x ∈ ℝ^n", "A ∈ ℝ^{n×n}"]),
        ("lam * sum(w**2)", [], ["lam ∈ ℝ", "w ∈ ℝ^n"]),
        ("A @ B @ x", [], ["A ∈ ℝ^{n×m}", "B ∈ ℝ^{m×n}", "x ∈ ℝ^n"]),
        (
            "sum((U @ V.T - T)**2)",
            ["U=m,k", "V=n,k"],
            ["U ∈ ℝ^{m×k}", "V ∈ ℝ^{n×k}", "T ∈ ℝ^{m×n}"],
        ),
        ("x[0] * x[1]", ["x=3"], ["x ∈ ℝ^3"]),
    ],
)
def test_shapes_that_are_not_declared_are_guessed(
    text: str, shapes: list[str], expected: list[str]
) -> None:
    arguments = of_expression(text, *shapes)
    assert [str(one) for one in arguments.declared] == expected
    assert np.all(np.isfinite(find(text).function(*arguments.values)))
    declared = {shape.partition("=")[0] for shape in shapes}
    assert set(arguments.guessed) == set(find(text).parameters) - declared


def test_named_sizes_are_different_and_the_same_everywhere() -> None:
    X, w, v = of_expression("X @ w + v", "X=N,d", "w=d", "v=N").values
    assert X.shape == (len(v), len(w))
    assert len(v) != len(w)


def test_numbers_lie_in_the_domain() -> None:
    for text in ("sum(log(x))", "sum(arccosh(x))", "sum(arcsin(x))", "sum(sqrt(x) + log1p(-x))"):
        (x,) = of_expression(text).values
        assert np.isfinite(find(text).function(x)), text


def test_numbers_are_the_same_in_every_run() -> None:
    first, second = (of_expression("sum(x**2)", "x=n").values[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_assumptions_hold_of_the_numbers() -> None:
    A = of_expression("x @ A @ x", "A=n,n", assume=("A=symmetric",)).values[1]
    np.testing.assert_array_equal(A, A.T)
    x = of_expression("sum(log(x))", "x=n", assume=("x=positive",)).values[0]
    assert np.all(x > 0)
    L = of_expression("x @ L @ x", "L=n,n", assume=("L=lower-triangular",)).values[1]
    np.testing.assert_array_equal(L, np.tril(L))
    x, t = of_expression("sum(x[t])", "x=k", "t=N", assume=("t=labels=k",)).values
    assert t.dtype.kind == "i"
    assert 0 <= t.min() <= t.max() < len(x)


@pytest.mark.parametrize(
    ("shapes", "assumptions", "message"),
    [
        (["q=N"], [], r"no argument 'q'. The arguments are x"),
        (["x"], [], r"declares nothing. Write --shape X=N,d"),
        (["x=3.5"], [], r"'3.5' is not the size of an axis.*--shape b="),
        ([], ["x=symmetric"], r"its shape is not declared. Add --shape x="),
        (["x=N,d"], ["x=symmetric"], r"is not square.*--shape x=n,n"),
        (["x=n,n"], ["x=pretty"], r"'pretty' is not an assumption. What can be assumed: .*symm"),
        ([], ["x"], r"declares nothing. Write --assume A=symmetric"),
        (["x=n"], ["x=labels"], r"'labels' is not how labels is assumed. Write labels=k"),
        (["x=n"], ["x=positive=2"], r"is not how positive is assumed. Write positive"),
    ],
)
def test_bad_declarations_are_explained(
    shapes: list[str], assumptions: list[str], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        arguments_of(find("sum(x)"), shapes, assumptions)


def test_an_expression_that_fits_no_shape_is_explained() -> None:
    with pytest.raises(CommandError, match=r"cannot be computed.*--shape x="):
        of_expression("x[0] @ [1, 2, 3] + x[17]")
