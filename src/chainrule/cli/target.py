"""What to differentiate: a function in a file, a function in a module, or an expression.

All three become a `Target`: a Python function, with the examples that stand beside it.
"""

import ast
import importlib
import inspect
import itertools
import linecache
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
import scipy.special

__all__ = ["CommandError", "Target", "find"]

IN_FILE = re.compile(r"(?P<file>.+\.py):(?P<function>\w+)")
IN_MODULE = re.compile(r"(?P<module>\w+(?:\.\w+)*):(?P<function>\w+)")

# In an expression these names are what they are in mathematics and in NumPy. `np` itself and
# `special` are there too, so that `np.linalg.norm(x)` works as in a program.
SPECIAL = (
    "digamma",
    "entr",
    "erf",
    "erfc",
    "expit",
    "gammaln",
    "log_expit",
    "log_softmax",
    "logit",
    "logsumexp",
    "softmax",
    "xlogy",
)
LINALG = ("cholesky", "det", "eigh", "eigvalsh", "inv", "norm", "slogdet", "solve", "svd")
ONLY_ATTRIBUTES = ("np", "numpy", "linalg", "special")

# Each expression is a file of its own to the tracer, so that it can quote source lines.
_expressions = itertools.count(1)


class CommandError(Exception):
    """The command cannot be carried out as typed; the message says what to type instead."""


@dataclass(frozen=True)
class Target:
    """A function to differentiate: the function, its source, and the module it came from.

    An expression typed on the command line is a function in a module of its own.
    """

    function: Callable[..., Any]
    source: str
    module: ModuleType
    is_expression: bool = False

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the arguments that have no default value."""
        return tuple(
            parameter.name
            for parameter in inspect.signature(self.function).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        )


def find(text: str) -> Target:
    """Return what `text` names; a text that names no function is an expression."""
    if match := IN_FILE.fullmatch(text):
        return _function(_load_file(Path(match["file"])), match["function"], match["file"])
    if match := IN_MODULE.fullmatch(text):
        return _function(_load_module(match["module"]), match["function"], match["module"])
    if text.endswith(".py"):
        module = _load_file(Path(text))
        raise CommandError(
            f"{text!r} names a file, not a function. Write {text}:FUNCTION, {_choices(module)}"
        )
    return _expression(text)


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise CommandError(
            f"there is no file {str(path)!r}. Name an existing FILE.py:FUNCTION, or an installed "
            "package.module:function."
        )
    # As when it runs as a script, the file can import its neighbours.
    sys.path.insert(0, str(path.resolve().parent))
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    # Dataclasses and pickles look their module up by name while it is being executed.
    sys.modules.setdefault(path.stem, module)
    SourceFileLoader(path.stem, str(path)).exec_module(module)
    return module


def _load_module(name: str) -> ModuleType:
    sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # the module exists; something that it imports does not
        raise CommandError(
            f"there is no module {name!r}. Name an installed package.module:function, or a file: "
            f"{name.replace('.', '/')}.py:FUNCTION."
        ) from error


def _choices(module: ModuleType) -> str:
    """Return a sentence that lists the functions that a module defines."""
    names = [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__
    ]
    if not names:
        return "after adding a function to it."
    return f"where FUNCTION is {', '.join(names)}."


def _function(module: ModuleType, name: str, where: str) -> Target:
    function = getattr(module, name, None)
    if not callable(function):
        found = "nothing" if function is None else f"a {type(function).__name__}"
        raise CommandError(
            f"{where!r} has {found} named {name!r}. Write {where}:FUNCTION, {_choices(module)}"
        )
    try:
        source = inspect.cleandoc("\n" + inspect.getsource(function))
    except (OSError, TypeError):
        source = f"{name}{inspect.signature(function)}"
    return Target(function, source, module)


def _vocabulary() -> dict[str, Any]:
    """Return what an expression may use without declaring it."""
    words = {
        name: getattr(np, name)
        for name in np.__all__
        if callable(getattr(np, name)) and not isinstance(getattr(np, name), type)
    }
    words |= {name: getattr(np.linalg, name) for name in LINALG}
    words |= {name: getattr(scipy.special, name) for name in SPECIAL}
    words |= {"np": np, "numpy": np, "linalg": np.linalg, "special": scipy.special, "pi": np.pi}
    return words


def _expression(text: str) -> Target:
    """Return the expression as a function ``f`` of its free names, in order of appearance."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        raise CommandError(
            f"{text!r} is neither FILE.py:FUNCTION nor an expression: {error.msg}. "
            'Write the expression as in NumPy, in quotes: "sum((X @ w - y)**2)".'
        ) from error
    words = _vocabulary()
    names = _free_names(tree, words)
    if not names:
        raise CommandError(
            f"{text!r} has no variable. Write an expression of at least one name that NumPy does "
            'not define, such as "sum(x**2)".'
        )
    source = f"def f({', '.join(names)}):\n    return {text.strip()}\n"
    filename = f"<expression {next(_expressions)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    (code,) = (
        constant
        for constant in compile(source, filename, "exec").co_consts
        if isinstance(constant, CodeType)
    )
    # In a module like any other, so that the tracer finds the names that NumPy's protocols miss.
    module = ModuleType(filename)
    vars(module).update(words)
    sys.modules[filename] = module
    return Target(FunctionType(code, vars(module)), text.strip(), module, is_expression=True)


def _free_names(tree: ast.Expression, words: Mapping[str, Any]) -> list[str]:
    """Return the names that are variables, in order of appearance.

    A word of NumPy is a function where it is called, and a variable where it is not: `diag` is
    NumPy's in ``diag(v)``, and ``beta`` is a variable in ``beta * x``.
    """
    functions = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    own = {
        argument.arg
        for node in ast.walk(tree)
        if isinstance(node, ast.Lambda)
        for argument in node.args.args
    } | {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    found: dict[str, tuple[int, int]] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name) or node.id in own:
            continue
        constant = node.id in ONLY_ATTRIBUTES or node.id in {"pi", "e"}
        if node.id in words and (node in functions or constant):
            continue
        place = node.lineno, node.col_offset
        found[node.id] = min(place, found.get(node.id, place))
    return sorted(found, key=found.__getitem__)
