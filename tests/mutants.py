"""Every simple mistake in the derivative rules of a module, as changes to its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

#: Line, function, what changed to what, and a call that makes the change in the tree.
Change: TypeAlias = tuple[int, str, str, Callable[[], None]]

#: The methods that are rules, and the arguments of rows that are.
RULES = ("jvp", "pullback", "partial", "partials", "adjoint")

_TWINS = {
    "sin": "cos", "cos": "sin", "sinh": "cosh", "cosh": "sinh", "exp": "expm1", "log": "log1p", "sqrt": "cbrt",
    "exp2": "exp", "maximum": "minimum", "minimum": "maximum", "cumsum": "cumprod", "tril": "triu", "triu": "tril",
    "floor_divide": "divide", "trunc": "rint",
}  # fmt: skip
#: Calls that a careless rule leaves out.
_DROPPED = {
    "conjugate",
    "real",
    "imag",
    "abs",
    "sign",
    "swapaxes",
    "transpose",
    "negative",
    "cast",
    "conj",
    "_as_kind",
    "_T",
    "_H",
}
_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.GtE: ast.Lt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


def rules(tree: ast.Module) -> list[tuple[str, ast.AST]]:
    """The rules of a module and what they call in it, by qualified name."""
    functions: dict[str, ast.AST] = {}
    found: dict[str, ast.AST] = {}
    lambdas = []
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef):
            functions[statement.name] = statement
        elif isinstance(statement, ast.ClassDef):
            for part in statement.body:
                if isinstance(part, ast.FunctionDef):
                    functions[f"{statement.name}.{part.name}"] = part
                    if part.name in RULES:
                        found[f"{statement.name}.{part.name}"] = part
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            for call in ast.walk(statement.value):
                if isinstance(call, ast.Call):
                    for keyword in call.keywords:
                        if keyword.arg in RULES:
                            lambdas += [
                                n for n in ast.walk(keyword.value) if isinstance(n, ast.Lambda)
                            ]
                            for name in ast.walk(keyword.value):
                                if isinstance(name, ast.Name) and name.id in functions:
                                    found[name.id] = functions[name.id]
    waiting = [*found.values(), *lambdas]
    while waiting:
        for n in ast.walk(waiting.pop()):
            called = []
            if isinstance(n, ast.Name) and n.id in functions:
                called = [n.id]
            elif isinstance(n, ast.Attribute) and n.attr.startswith("_"):
                called = [f for f in functions if f.endswith(f".{n.attr}")]
            for name in called:
                if name not in found:
                    found[name] = functions[name]
                    waiting.append(functions[name])
    every = [*found.items(), *(("<lambda>", n) for n in lambdas)]
    return sorted(every, key=lambda pair: (pair[1].lineno, pair[1].col_offset))  # type: ignore[attr-defined]


def mutants(tree: ast.Module) -> Iterator[Change]:
    """Every change, in the order of the file."""
    for name, rule in rules(tree):
        body: list[Any] = [rule.body] if isinstance(rule, ast.Lambda) else rule.body  # type: ignore[attr-defined]
        if isinstance(rule, ast.Lambda):
            yield from _result(rule, "body", name)
        for statement in body:
            for parent in ast.walk(statement):
                if isinstance(parent, ast.Return) and parent.value is not None:
                    yield from _returned(parent, name)
                yield from _at(parent, name)


def _change(
    node: Any, name: str, parent: Any, field: str, new: ast.expr, index: int | None = None
) -> Change:
    """Put ``new`` in the place of ``node`` in its parent."""
    ast.copy_location(new, node)
    for inner in ast.walk(new):
        if not hasattr(inner, "lineno"):
            ast.copy_location(inner, node)

    def apply() -> None:
        if index is None:
            setattr(parent, field, new)
        else:
            getattr(parent, field)[index] = new

    return node.lineno, name, f"{ast.unparse(node)} → {ast.unparse(new)}", apply


def _result(parent: Any, field: str, name: str, index: int | None = None) -> Iterator[Change]:
    """A result negated, and doubled."""
    value = getattr(parent, field) if index is None else getattr(parent, field)[index]
    if (isinstance(value, ast.Constant) and value.value is None) or isinstance(value, ast.Starred):
        return
    if isinstance(value, ast.IfExp) and isinstance(value.orelse, ast.Constant):
        yield from _result(value, "body", name)
        return
    yield _change(value, name, parent, field, ast.UnaryOp(ast.USub(), value), index)
    yield _change(value, name, parent, field, ast.BinOp(ast.Constant(2), ast.Mult(), value), index)


def _returned(parent: ast.Return, name: str) -> Iterator[Change]:
    value = parent.value
    if isinstance(value, ast.Tuple):
        for k in range(len(value.elts)):
            yield from _result(value, "elts", name, k)
    elif not isinstance(value, ast.List | ast.ListComp | ast.Compare | ast.BoolOp):
        yield from _result(parent, "value", name)


def _at(parent: ast.AST, name: str) -> Iterator[Change]:
    """The changes to each part of a node."""
    for field, value in ast.iter_fields(parent):
        if field in ("annotation", "returns", "type_params"):
            continue
        if isinstance(parent, ast.keyword) and parent.arg == "strict":
            continue  # a check of lengths, no part of the rule
        children = value if isinstance(value, list) else [value]
        for k, child in enumerate(children):
            if isinstance(child, ast.expr):
                for new in _instead(child, parent):
                    yield _change(
                        child, name, parent, field, new, k if isinstance(value, list) else None
                    )


def _instead(n: ast.expr, parent: ast.AST) -> Iterator[ast.expr]:
    """What a mistaken rule would have in the place of ``n``."""
    if isinstance(n, ast.UnaryOp):
        yield n.operand
    elif isinstance(n, ast.BinOp):
        a, b = n.left, n.right
        yield a
        yield b
        if isinstance(n.op, ast.Add):
            yield ast.BinOp(a, ast.Sub(), b)
        elif isinstance(n.op, ast.Sub):
            yield ast.BinOp(a, ast.Add(), b)
            yield ast.BinOp(b, ast.Sub(), a)
        elif isinstance(n.op, ast.Div | ast.Pow | ast.MatMult):
            yield ast.BinOp(b, n.op, a)
        if isinstance(n.op, ast.Div):
            yield ast.BinOp(a, ast.Mult(), b)
        elif isinstance(n.op, ast.Mult):
            yield ast.BinOp(a, ast.Div(), b)
    elif isinstance(n, ast.Call):
        yield from _calls(n)
    elif isinstance(n, ast.Compare) and len(n.ops) == 1 and type(n.ops[0]) in _COMPARED:
        yield ast.Compare(n.left, [_COMPARED[type(n.ops[0])]()], n.comparators)
    elif isinstance(n, ast.IfExp):
        yield ast.IfExp(n.test, n.orelse, n.body)
    elif isinstance(n, ast.BoolOp):
        yield from n.values
    elif isinstance(n, ast.Constant):
        if isinstance(n.value, bool):
            yield ast.Constant(not n.value)
        elif isinstance(n.value, int):
            yield ast.Constant(n.value + 1)
            if n.value:
                yield ast.Constant(-n.value)
        elif isinstance(n.value, float):
            yield ast.Constant(2 * n.value if n.value else 1.0)


def _calls(n: ast.Call) -> Iterator[ast.expr]:
    function = n.func
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    plain = [a for a in n.args if not isinstance(a, ast.Starred)]
    if called in _TWINS and isinstance(function, ast.Attribute):
        yield ast.Call(
            ast.Attribute(function.value, _TWINS[called], ast.Load()), n.args, n.keywords
        )
    if called in _DROPPED and plain:
        yield plain[0]
    if called == "astype" and isinstance(function, ast.Attribute):
        yield function.value
    if len(plain) >= 2 and len(plain) == len(n.args):
        yield ast.Call(function, [plain[1], plain[0], *plain[2:]], n.keywords)
    if called == "where" and len(plain) == 3:
        yield ast.Call(function, [plain[0], plain[2], plain[1]], n.keywords)
        yield plain[1]
        yield plain[2]
    if called == "gate" and len(plain) == 2:
        yield ast.BinOp(plain[0], ast.Mult(), plain[1])
