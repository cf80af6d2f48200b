"""Expressions that a source computes more than once get a name.

The source is read as Python reads it: equal expressions are one vertex of a graph, and a vertex with
two users is assigned to a variable before the first of them. What is not shared stays as it was
written, for only positions are taken from the parser.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

#: Functions that compute nothing worth keeping.
_CHEAP = frozenset(
    "eye ones zeros arange broadcast_to full diag reshape transpose swapaxes copy pad".split()  # noqa: SIM905
)
#: Functions of a whole array that give a number.
_REDUCING = frozenset("sum norm trace det slogdet prod max min".split())  # noqa: SIM905


@dataclass
class Statement:
    """``target = text`` and what then changes the target in place; without one, ``return text``."""

    target: str
    text: str
    #: Pairs of what is changed, with its sign, and the value: ``("R[1:] +=", "2 * x")``.
    updates: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class _Vertex:
    """One expression, wherever it stands."""

    heavy: bool  # a matrix product or a function is in it
    operations: int
    rank: int | None  # None: not known
    worth: bool
    users: set[tuple[int, int]] = field(default_factory=set)


class _Text:
    """An expression as text and as a tree."""

    def __init__(self, text: str) -> None:
        self.raw = text.encode()
        self.tree = ast.parse(f"({text}\n)", mode="eval").body

    def span(self, n: ast.expr) -> tuple[int, int]:
        """Where an expression stands; the parser saw a parenthesis before it."""
        if n is self.tree:
            return 0, len(self.raw)
        assert n.end_col_offset is not None
        return n.col_offset - 1, n.end_col_offset - 1

    def grouped(self, start: int, end: int) -> tuple[int, int]:
        """A span with the parentheses that do no more than hold it together."""
        raw = self.raw
        while start > 0 and raw[start - 1 : start] == b"(" and raw[end : end + 1] == b")":
            before = raw[start - 2 : start - 1] if start > 1 else b""
            if before.isalnum() or before in (b"_", b")", b"]"):
                break
            start, end = start - 1, end + 1
        return start, end

    def spliced(self, start: int, end: int, names: Sequence[tuple[int, int, str]]) -> str:
        """The text of a span, in which other spans are names."""
        done = []
        for a, b, name in sorted(names):
            done += [self.raw[start:a], name.encode()]
            start = b
        return b"".join([*done, self.raw[start:end]]).decode()


class Repeats:
    """Names for what some statements repeat; ``ranks`` are the numbers of axes of known names."""

    def __init__(self, statements: Sequence[Statement], ranks: Mapping[str, int]) -> None:
        self._statements = statements
        self._ranks = dict(ranks)
        self._numbers: dict[tuple[object, ...], int] = {}  # of vertices, by structure
        self._number_of: dict[int, int] = {}  # by the identity of a tree's node
        self._vertices: list[_Vertex] = []
        self._names: dict[int, str] = {}  # of vertices
        self._made: list[Statement] = []
        #: The names given here, which stand for better ones, with their numbers of axes.
        self.given: dict[str, int] = {}

    def __call__(self) -> list[Statement]:
        """The statements, each after those that name what it shares with others."""
        texts = [
            [_Text(s.text), *(_Text(value) for _, value in s.updates)] for s in self._statements
        ]
        for k, group in enumerate(texts):
            for text in group:
                self._enter(text.tree, -1 - k)
        if any(v.worth and len(v.users) > 1 for v in self._vertices):
            for statement, group in zip(self._statements, texts, strict=True):
                self._state(statement, group)
            return self._made
        return list(self._statements)

    # -- reading -----------------------------------------------------------------------------------

    def _enter(self, root: ast.expr, user: int) -> None:
        """Number the expressions of a tree, arguments first."""
        stack: list[tuple[ast.AST, bool]] = [(root, False)]
        while stack:
            n, ready = stack.pop()
            if not ready:
                stack.append((n, True))
                stack.extend((c, False) for c in ast.iter_child_nodes(n))
                continue
            key = (type(n), *_fields(n, self._number_of))
            number = self._numbers.get(key)
            if number is None:
                number = self._numbers[key] = len(self._vertices)
                self._vertices.append(self._vertex(n))
            self._number_of[id(n)] = number
            for slot, c in enumerate(ast.iter_child_nodes(n)):
                self._of(c).users.add((number, slot))
        self._of(root).users.add((user, len(self._of(root).users)))

    def _of(self, n: ast.AST) -> _Vertex:
        return self._vertices[self._number_of[id(n)]]

    def _vertex(self, n: ast.AST) -> _Vertex:
        parts = [self._of(c) for c in ast.iter_child_nodes(n)]
        computes = isinstance(n, ast.BinOp | ast.Compare) or (
            isinstance(n, ast.Call) and _word(n.func) not in _CHEAP
        )
        heavy = any(p.heavy for p in parts) or (
            computes and (isinstance(n, ast.Call) or isinstance(getattr(n, "op", None), ast.MatMult))
        )
        operations = sum(p.operations for p in parts) + computes
        rank = self._rank(n)
        of_number = isinstance(n, ast.Call) and _word(n.func) == "sqrt" and rank == 0
        keeps = (heavy and not of_number) or operations > 1
        worth = computes and keeps and (heavy or rank != 0)
        return _Vertex(heavy, operations, rank, worth)

    def _rank(self, n: ast.AST) -> int | None:
        """The number of axes of an expression's value, as far as its form tells."""
        match n:
            case ast.Constant():
                return 0
            case ast.Name(id=name):
                return self._ranks.get(name)
            case ast.Attribute(value=value, attr="T"):
                return self._of(value).rank
            case ast.Subscript(value=value, slice=index):
                known = self._ranks.get(ast.unparse(n)) if _is_path(n) else None
                return _rank_at(index, self._of(value).rank) if known is None else known
            case ast.UnaryOp(operand=operand):
                return self._of(operand).rank
            case ast.BinOp(left=left, op=ast.MatMult(), right=right):
                a, b = self._of(left).rank, self._of(right).rank
                return None if a is None or b is None else a + b - 2 if min(a, b) == 1 else max(a, b)
            case ast.BinOp(left=left, right=right):
                return _largest([self._of(left).rank, self._of(right).rank])
            case ast.Compare(left=left, comparators=others):
                return _largest([self._of(x).rank for x in (left, *others)])
            case ast.Call():
                return self._rank_of_call(n)
        return None

    def _rank_of_call(self, n: ast.Call) -> int | None:
        word = _word(n.func)
        of_array = isinstance(n.func, ast.Attribute) and not _is_module(n.func.value)
        if word in ("outer", "eye", "inv"):
            return 2
        if word == "einsum" and isinstance(n.args[0], ast.Constant):
            return len(str(n.args[0].value).partition("->")[2])
        if word in _REDUCING:
            if not of_array and len(n.args) == 1 and not n.keywords:
                return 0
            array = self._of(n.func.value if of_array else n.args[0])  # type: ignore[attr-defined]
            return None if array.rank is None else array.rank - 1
        if word == "solve":
            return self._of(n.args[-1]).rank
        return _largest([self._of(a).rank for a in n.args])

    # -- writing -----------------------------------------------------------------------------------

    def _state(self, statement: Statement, texts: Sequence[_Text]) -> None:
        """One statement, and before it those that it needs."""
        first = texts[0]
        whole = self._number_of[id(first.tree)]
        keeps = bool(statement.target) and not statement.updates
        name = self._names.get(whole)
        if keeps and name is None:  # it names its value itself
            text = self._inside(first, first.tree)
            self._names[whole] = statement.target
        else:
            text = self._outside(first)
            if statement.updates and text in self._names.values():
                text = f"np.copy({text})"
        values = [self._outside(t) for t in texts[1:]]
        updates = [(head, v) for (head, _), v in zip(statement.updates, values, strict=True)]
        self._made.append(Statement(statement.target, text, updates))

    def _outside(self, text: _Text) -> str:
        """An expression, or the name of it."""
        name = self._name(text, text.tree)
        return self._inside(text, text.tree) if name is None else name

    def _name(self, text: _Text, n: ast.expr) -> str | None:
        """The name of an expression, if it has or deserves one."""
        number = self._number_of[id(n)]
        known = self._names.get(number)
        v = self._vertices[number]
        if known is not None or not v.worth or len(v.users) < 2:
            return known
        value = self._inside(text, n)
        name = f"shared{len(self.given)}_"
        self.given[name] = v.rank if v.rank is not None else 1
        self._names[number] = name
        self._made.append(Statement(name, value))
        return name

    def _inside(self, text: _Text, n: ast.expr) -> str:
        """The text of an expression, in which those with a name are names."""
        names = []
        stack = [*ast.iter_child_nodes(n)][::-1]
        while stack:
            c = stack.pop()
            name = self._name(text, c) if isinstance(c, ast.expr) else None
            if name is None:
                stack.extend([*ast.iter_child_nodes(c)][::-1])
            else:
                assert isinstance(c, ast.expr)
                names.append((*text.grouped(*text.span(c)), name))
        return text.spliced(*text.span(n), names)


def _fields(n: ast.AST, numbers: Mapping[int, int]) -> Iterator[object]:
    for _, value in ast.iter_fields(n):
        if isinstance(value, list):
            yield tuple(numbers[id(v)] for v in value if isinstance(v, ast.AST))
        elif isinstance(value, ast.AST):
            yield numbers[id(value)]
        else:
            yield type(value), value


def _is_path(n: ast.AST) -> bool:
    """Whether an expression is an argument's leaf: ``p['w'][0]``."""
    while isinstance(n, ast.Subscript) and isinstance(n.slice, ast.Constant):
        n = n.value
    while isinstance(n, ast.Attribute):
        n = n.value
    return isinstance(n, ast.Name)


def _word(n: ast.AST) -> str:
    return n.attr if isinstance(n, ast.Attribute) else n.id if isinstance(n, ast.Name) else ""


def _is_module(n: ast.AST) -> bool:
    while isinstance(n, ast.Attribute):
        n = n.value
    return isinstance(n, ast.Name) and n.id in ("np", "special", "linalg")


def _largest(ranks: Sequence[int | None]) -> int | None:
    known = [r for r in ranks if r is not None]
    return max(known) if known and (len(known) == len(ranks) or max(known) > 1) else None


def _rank_at(index: ast.expr, rank: int | None) -> int | None:
    entries = index.elts if isinstance(index, ast.Tuple) else [index]
    if rank is None or not all(isinstance(e, ast.Slice | ast.Constant) for e in entries):
        return None
    values = [e.value for e in entries if isinstance(e, ast.Constant)]
    return rank + values.count(None) - sum(isinstance(v, int) for v in values)
