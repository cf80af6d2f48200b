"""The house stands: who may import whom, checked by reading every import of every file.

A layer imports only from layers to its left::

    errors ← ir ← ops ← trace ← calculus ← {simplify, display, native} ← function
           ← plot ← {optim, optimize, nn} ← (chainrule) ← cli

Layers in braces are siblings and never import each other. ``(chainrule)`` is the package's own
``__init__``, the public names. Imports inside functions and under ``TYPE_CHECKING`` count too.
"""

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"

LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("ir",),
    ("ops",),
    ("trace",),
    ("calculus",),
    ("simplify", "display", "native"),
    ("function",),
    ("plot",),
    ("optim", "optimize", "nn"),
    ("",),  # chainrule/__init__.py
    ("cli",),
)
RANK = {layer: rank for rank, layers in enumerate(LAYERS) for layer in layers}

MUTUAL = frozenset({("chainrule.ir.primitive", "chainrule.ir.node")})

LONGEST = 500  # lines


@dataclass(frozen=True)
class Import:
    """One module named by an import: where it is named, and whether importing the file runs it."""

    file: Path
    line: int
    target: str
    eager: bool


class Package:
    """The files of a package, by module name, and their imports."""

    def __init__(self, source: Path) -> None:
        self.files = {_module(path.relative_to(source)): path for path in source.rglob("*.py")}
        self.imports = {
            module: tuple(_imports(module, path, self.files)) for module, path in self.files.items()
        }

    def own(self, module: str, *, eager: bool = False) -> tuple[Import, ...]:
        """The imports in `module` of files of this package; only those run at once if `eager`."""
        return tuple(
            imported
            for imported in self.imports[module]
            if imported.target in self.files and (imported.eager or not eager)
        )


def _module(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(module: str, path: Path, files: dict[str, Path]) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    postponed = _postponed(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt | ast.expr):
            for target in _targets(node, module, path, files):
                yield Import(path, node.lineno, target, node not in postponed)


def _postponed(tree: ast.Module) -> set[ast.AST]:
    """The nodes that do not run when the file is imported."""
    later: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            later.update(ast.walk(node))
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            later.update(inner for statement in node.body for inner in ast.walk(statement))
    return later


def _targets(node: ast.AST, module: str, path: Path, files: dict[str, Path]) -> Iterator[str]:
    """The modules that `node` imports. A submodule named in ``from p import m`` is ``p.m``."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        for _ in range(node.level - 1):
            package = package.rpartition(".")[0]
        start = ".".join(filter(None, (package if node.level else "", node.module)))
        for alias in node.names:
            inner = f"{start}.{alias.name}"
            yield inner if inner in files else start
    elif isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
        # importlib.import_module("chainrule.…") is an import by another name.
        yield from (
            arg.value
            for arg in node.args
            if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
        )


def layer_of(module: str) -> str:
    """``chainrule.ops.linalg`` is in ``ops``; ``chainrule`` itself is the layer named ``""``."""
    return (module + "..").split(".")[1]


def wrong_arrows(package: Package) -> list[str]:
    """Every import that goes to the right, or between siblings."""
    return [
        f"{imported.file.name}:{imported.line}: {module} imports {imported.target}"
        for module in package.files
        for imported in package.own(module)
        if layer_of(module) != layer_of(imported.target)
        and RANK[layer_of(imported.target)] >= RANK[layer_of(module)]
    ]


def cycle(
    package: Package, *, eager: bool, except_for: frozenset[tuple[str, str]] = frozenset()
) -> list[str]:
    """The modules of one import cycle, or nothing, leaving out the arrows `except_for`."""
    arrows = {
        module: {
            imported.target
            for imported in package.own(module, eager=eager)
            if imported.target != module and (module, imported.target) not in except_for
        }
        for module in package.files
    }
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as found:
        return list(found.args[1])
    return []


@cache
def chainrule() -> Package:
    """The package under test, read once."""
    return Package(SOURCE)


def test_every_file_is_in_a_layer() -> None:
    homeless = {module for module in chainrule().files if layer_of(module) not in RANK}
    assert not homeless, f"give these a place in LAYERS: {sorted(homeless)}"


def test_no_arrow_points_right() -> None:
    assert wrong_arrows(chainrule()) == []


def test_no_import_cycle_when_imported() -> None:
    assert cycle(chainrule(), eager=True) == []


def test_no_import_cycle_of_any_sort_but_one() -> None:
    """A node holds its primitive, and a primitive builds nodes: the one pair that is mutual."""
    assert cycle(chainrule(), eager=False, except_for=MUTUAL) == []
    assert cycle(chainrule(), eager=False), "MUTUAL is no longer needed"


def test_ir_stands_on_numpy_alone() -> None:
    from sys import stdlib_module_names

    outside = {
        imported.target.partition(".")[0]
        for module in chainrule().files
        if layer_of(module) == "ir"
        for imported in chainrule().imports[module]
    }
    assert outside - stdlib_module_names <= {"numpy", "chainrule"}


def test_llvmlite_is_imported_in_one_file_of_native() -> None:
    importers = {
        module
        for module in chainrule().files
        for imported in chainrule().imports[module]
        if imported.target.partition(".")[0] == "llvmlite"
    }
    assert len(importers) <= 1
    assert all(layer_of(module) == "native" for module in importers)


def test_no_file_is_too_long() -> None:
    lines = {
        module: len(path.read_text(encoding="utf-8").splitlines())
        for module, path in chainrule().files.items()
    }
    assert {module: n for module, n in lines.items() if n > LONGEST} == {}


def test_all_is_what_is_public() -> None:
    """``__all__`` holds the names bound in ``chainrule/__init__.py`` without an underscore."""
    tree = ast.parse((SOURCE / "chainrule" / "__init__.py").read_text(encoding="utf-8"))
    bound = {
        name
        for top in tree.body
        for node in (top.body if isinstance(top, ast.If) else [top])  # what is imported when used
        if not (isinstance(node, ast.ImportFrom) and node.module == "__future__")
        for name in _bound(node)
        if not name.startswith("_")
    }
    module = importlib.import_module("chainrule")
    assert sorted(bound) == sorted(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


def _bound(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.Import(names) | ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
        case ast.FunctionDef(name) | ast.ClassDef(name):
            yield name
        case ast.Assign() | ast.AnnAssign():
            yield from (
                inner.id
                for inner in ast.walk(node)
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
            )


# ---------------------------------------------------------------- would these tests see a fault?


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("ir.a", "from ..ops import b"),
        ("ir.a", "import chainrule.ops.b"),
        ("ir.a", "def f():\n    from chainrule.ops.b import x"),
        ("ir.a", "if TYPE_CHECKING:\n    from chainrule.ops.b import x"),
        ("ir.a", "import_module('chainrule.ops.b')"),
        ("display.c", "from ..simplify import d"),
        ("function.e", "import chainrule"),
        ("errors", "from .ir.a import x"),
    ],
)
def test_a_wrong_arrow_is_seen(tmp_path: Path, module: str, line: str) -> None:
    assert len(wrong_arrows(_package(tmp_path, {module: line}))) == 1


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("ops.b", "from ..ir import a\nfrom ..errors import x\nfrom . import z"),
        ("simplify.d", "from ..calculus import y"),
        ("cli.g", "import chainrule\nfrom ..function import e"),
        ("ir.a", "import ast, numpy.linalg"),
    ],
)
def test_a_right_arrow_is_not(tmp_path: Path, module: str, line: str) -> None:
    assert wrong_arrows(_package(tmp_path, {module: line})) == []


def test_a_cycle_is_seen(tmp_path: Path) -> None:
    eager = _package(tmp_path / "eager", {"ir.a": "from . import z", "ir.z": "from .a import x"})
    inside = "def f():\n    from .a import x"
    lazy = _package(tmp_path / "lazy", {"ir.a": "from . import z", "ir.z": inside})
    assert set(cycle(eager, eager=True)) == {"chainrule.ir.a", "chainrule.ir.z"}
    assert cycle(lazy, eager=True) == []
    assert set(cycle(lazy, eager=False)) == {"chainrule.ir.a", "chainrule.ir.z"}


def _package(source: Path, changed: dict[str, str]) -> Package:
    """A package of empty files, one in each layer, with the `changed` ones as given."""
    empty = ("ir.a", "ir.z", "ops.b", "simplify.d", "display.c", "function.e", "cli.g", "errors")
    for module in (*empty, "__init__", "ops.__init__", "ops.z", "calculus.y"):
        path = source / "chainrule" / Path(*module.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(changed.get(module, ""), encoding="utf-8")
    return Package(source)
