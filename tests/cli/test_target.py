"""A target is a function in a file, in a module, or an expression; anything else is explained."""

import linecache
from pathlib import Path

import numpy as np
import pytest
from chainrule.cli.target import CommandError, find

MODEL = '''\
from dataclasses import dataclass

import numpy as np

X = np.arange(6.0).reshape(3, 2)


@dataclass
class Settings:
    scale: float = 2.0


def loss(w, scale=Settings().scale):
    """Return a sum."""
    return np.sum(X @ w) * scale


not_a_function = 3
'''


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "some_model.py"
    path.write_text(MODEL, encoding="utf-8")
    return str(path)


def test_a_function_in_a_file(model: str) -> None:
    target = find(f"{model}:loss")
    assert target.function(np.ones(2)) == 30
    assert target.parameters == ("w",)
    assert target.source.startswith("def loss(w, scale=Settings().scale):")
    assert not target.is_expression


def test_a_function_in_a_module() -> None:
    target = find("statistics:fmean")
    assert target.function([1.0, 2.0]) == 1.5


def test_an_expression_is_a_function_of_its_free_names() -> None:
    target = find("mean((y - (X @ w + b))**2)")
    assert target.is_expression
    assert target.parameters == ("y", "X", "w", "b")
    assert target.function(np.ones(3), np.ones((3, 2)), np.ones(2), 1.0) == 4.0


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("exp(-x**2)", ("x",)),
        ("np.linalg.norm(x) + np.pi", ("x",)),
        ("norm(x) * pi", ("x",)),
        ("beta * sum(gamma * x)", ("beta", "gamma", "x")),
        ("sum([t**2 for t in x])", ("x",)),
        ("(lambda s: s * x)(x)", ("x",)),
        ("expit(x) + special.erf(z)", ("x", "z")),
        ("diag @ x", ("diag", "x")),
        ("x[1:] - x[:-1]", ("x",)),
    ],
)
def test_which_names_are_free(text: str, parameters: tuple[str, ...]) -> None:
    assert find(text).parameters == parameters


def test_the_source_line_of_an_expression_can_be_quoted() -> None:
    code = find("sum(x**2)").function.__code__
    assert "return sum(x**2)" in linecache.getline(code.co_filename, 2)


@pytest.mark.parametrize(
    ("text", "wrong", "instead"),
    [
        ("nowhere.py:f", "there is no file 'nowhere.py'", "FILE.py:FUNCTION"),
        ("no.such:f", "there is no module 'no.such'", "no/such.py:FUNCTION"),
        ("1 +", "neither FILE.py:FUNCTION nor an expression", "in quotes"),
        ("3 + 4", "has no variable", "sum(x**2)"),
    ],
)
def test_what_is_no_target_is_explained(text: str, wrong: str, instead: str) -> None:
    with pytest.raises(CommandError) as raised:
        find(text)
    assert wrong in str(raised.value)
    assert instead in str(raised.value)


def test_a_file_without_a_function_lists_its_functions(model: str) -> None:
    with pytest.raises(CommandError, match=r"names a file.*where FUNCTION is loss"):
        find(model)


def test_a_wrong_name_lists_the_right_ones(model: str) -> None:
    with pytest.raises(CommandError, match=r"nothing named 'lost'.*FUNCTION is loss"):
        find(f"{model}:lost")
    with pytest.raises(CommandError, match="has a int named 'not_a_function'"):
        find(f"{model}:not_a_function")


def test_a_missing_import_inside_a_module_is_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needs_more.py").write_text("import surely_not_installed\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="surely_not_installed"):
        find("needs_more:f")
