"""The NumPy source of a formula in the words of JAX and of PyTorch.

The source is read as a program and its calls are renamed; what the other library has no word for is
refused. Arrays are double precision, as in NumPy: JAX needs ``jax_enable_x64`` for that. PyTorch
takes tensors for every argument, numbers too.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from ..errors import FormulaError

#: What stands at the head of a module.
_HEADS = {"jax": "import jax\nimport jax.numpy as jnp", "torch": "import torch"}
#: Functions that NumPy lacks and the other library has.
_HELPERS = {
    "jax": {
        "_sigmoid": "jax.nn.sigmoid",
        "_softmax": "jax.nn.softmax",
        "_logsumexp": "jax.scipy.special.logsumexp",
    },
    "torch": {
        "_sigmoid": "torch.sigmoid",
        "_softmax": "torch.softmax",
        "_logsumexp": "torch.logsumexp",
    },
}
#: NumPy's names that are other ones in PyTorch.
_RENAMED = {
    "max": "amax", "min": "amin", "concatenate": "cat", "clip": "clamp", "absolute": "abs",
    "array": "tensor", "power": "pow", "psi": "digamma", "logical_not": "logical_not",
}  # fmt: skip
#: NumPy's names that are the same in PyTorch.
_SAME = frozenset(
    """
    abs arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh broadcast_to ceil cos cosh
    cross cumsum cumprod diag einsum exp exp2 expm1 eye fix floor full heaviside hypot kron
    logical_and logical_or isfinite isinf isnan log log10 log1p log2 logaddexp maximum minimum
    negative ones outer prod reciprocal reshape round sign sin sinh sqrt square squeeze sum tan
    tanh trace tril triu trunc where zeros inv det slogdet solve norm cholesky pad flip expit
    gammaln erf erfc digamma polygamma i0 i1 log_ndtr ndtr ndtri xlogy logit erfinv deg2rad
    rad2deg positive copysign
    """.split()  # noqa: SIM905 - a list of words is easier to read so
)


def translated(source: str, dialect: str, integers: frozenset[str] = frozenset()) -> str:
    """A module of NumPy source in another dialect, ``jax`` or ``torch``.

    ``integers`` are globals that hold plain integers.
    """
    tree = ast.parse(source)
    tree.body = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name[0] != "_"]
    names = _Jax() if dialect == "jax" else _Torch(integers)
    function = ast.fix_missing_locations(names.visit(tree))
    text = ast.unparse(function)
    head = _HEADS[dialect]
    if dialect == "jax" and "jax." not in text.replace("jnp.", ""):
        head = "import jax.numpy as jnp"
    return f"{head}\n\n\n{text}\n"


def _dotted(path: str) -> ast.expr:
    first, *rest = path.split(".")
    made: ast.expr = ast.Name(first, ast.Load())
    for word in rest:
        made = ast.Attribute(made, word, ast.Load())
    return made


def _path(n: ast.AST) -> str:
    """``np.linalg.solve`` as text, or nothing for other expressions."""
    words: list[str] = []
    while isinstance(n, ast.Attribute):
        words.append(n.attr)
        n = n.value
    if not isinstance(n, ast.Name):
        return ""
    return ".".join([n.id, *reversed(words)])


class _Jax(ast.NodeTransformer):
    """``jax.numpy`` has NumPy's names."""

    def visit_Name(self, n: ast.Name) -> ast.AST:
        """A module, or a function that the source brings along."""
        if n.id == "np":
            return ast.Name("jnp", n.ctx)
        if n.id == "special":
            return _dotted("jax.scipy.special")
        helper = _HELPERS["jax"].get(n.id)
        return n if helper is None else _dotted(helper)


class _Torch(ast.NodeTransformer):
    """PyTorch has other names for some, and other ideas of numbers."""

    def __init__(self, integers: frozenset[str]) -> None:
        self._sizes = set(integers)

    def visit_Assign(self, n: ast.Assign) -> ast.AST:
        """Lengths are numbers, not tensors: they are remembered."""
        value = n.value
        whole = value.value if isinstance(value, ast.Subscript) else None
        if isinstance(whole, ast.Attribute) and whole.attr == "shape":
            self._sizes.update(t.id for t in n.targets if isinstance(t, ast.Name))
        return self.generic_visit(n)

    def visit_Call(self, n: ast.Call) -> ast.AST:
        """A call of a function of NumPy's, SciPy's, or of the source's own."""
        path = _path(n.func)
        own = _HELPERS["torch"].get(path)
        word = path.rpartition(".")[2]
        made: ast.AST = self.generic_visit(n)
        assert isinstance(made, ast.Call)
        for keyword in made.keywords:
            keyword.arg = {"axis": "dim", "keepdims": "keepdim"}.get(keyword.arg or "", keyword.arg)
        if own is not None:
            made.func = _dotted(own)
            return made
        if not path.startswith(("np.", "special.")):
            return made
        special = _CALLS.get(word)
        if special is not None:
            found = special(made, self._is_number)
            if found is not None:
                return found
        if word not in _SAME and word not in _RENAMED:
            raise FormulaError(f"PyTorch has no {path}, so there is no code of this formula for it.")
        middle = {"np.linalg": "torch.linalg", "special": "torch.special"}
        module = middle.get(path.rpartition(".")[0], "torch")
        made.func = _dotted(f"{module}.{_RENAMED.get(word, word)}")
        return made

    def _is_number(self, n: ast.AST) -> bool:
        """Whether an expression is made of literals and lengths alone."""
        names = [m for m in ast.walk(n) if isinstance(m, ast.Name)]
        calls = any(isinstance(m, ast.Call | ast.Attribute) for m in ast.walk(n))
        return not calls and all(m.id in self._sizes for m in names)


_Rewrite = Callable[[ast.Call, Callable[[ast.AST], bool]], "ast.AST | None"]


def _double(name: str) -> _Rewrite:
    """Arrays made of nothing are single precision unless they are told otherwise."""

    def rewrite(n: ast.Call, is_number: Callable[[ast.AST], bool]) -> ast.AST:
        n.func = _dotted(f"torch.{name}")
        n.keywords.append(ast.keyword("dtype", _dotted("torch.float64")))
        return n

    return rewrite


def _root(n: ast.Call, is_number: Callable[[ast.AST], bool]) -> ast.AST | None:
    (x,) = n.args
    return ast.BinOp(x, ast.Pow(), ast.Constant(0.5)) if is_number(x) else None


def _bound(keyword: str) -> _Rewrite:
    """A maximum with a number is a clamp."""

    def rewrite(n: ast.Call, is_number: Callable[[ast.AST], bool]) -> ast.AST | None:
        for x, bound in (n.args, n.args[::-1]):
            if is_number(bound):
                return ast.Call(_dotted("torch.clamp"), [x], [ast.keyword(keyword, bound)])
        return None

    return rewrite


def _filled(n: ast.Call, is_number: Callable[[ast.AST], bool]) -> ast.AST:
    shape, value = n.args
    dtype = ast.keyword("dtype", _dotted("torch.float64"))
    return ast.BinOp(value, ast.Mult(), ast.Call(_dotted("torch.ones"), [shape], [dtype]))


def _softplus(n: ast.Call, is_number: Callable[[ast.AST], bool]) -> ast.AST | None:
    zero, x = n.args
    if not is_number(zero):
        return None
    zeros = ast.Call(_dotted("torch.zeros_like"), [x], [])
    return ast.Call(_dotted("torch.logaddexp"), [zeros, x], [])


def _chosen(n: ast.Call, is_number: Callable[[ast.AST], bool]) -> ast.AST | None:
    """A choice between 1 and 0 is the condition as numbers."""
    condition, a, b = n.args
    if not (is_number(a) and is_number(b)):
        return None
    if ast.literal_eval(a) != 1 or ast.literal_eval(b) != 0:
        return None
    return ast.Call(ast.Attribute(condition, "to", ast.Load()), [_dotted("torch.float64")], [])


def _stepped(n: ast.Call, is_number: Callable[[ast.AST], bool]) -> ast.AST:
    x, at_zero = n.args
    dtype = ast.keyword("dtype", _dotted("torch.float64"))
    value = ast.Call(_dotted("torch.tensor"), [at_zero], [dtype])
    return ast.Call(_dotted("torch.heaviside"), [x, value], [])


def _padded(n: ast.Call, is_number: Callable[[ast.AST], bool]) -> ast.AST:
    """PyTorch counts the widths from the last axis."""
    x, widths = n.args
    found = ast.literal_eval(widths)
    pairs = [found] if isinstance(found[0], int) else list(found)
    flat = [int(w) for pair in reversed(pairs) for w in pair]
    shown = ast.List([ast.Constant(w) for w in flat], ast.Load())
    return ast.Call(_dotted("torch.nn.functional.pad"), [x, shown], [])


def _product(n: ast.Call, is_number: Callable[[ast.AST], bool]) -> ast.AST | None:
    """Over one axis, which is all that a vector has."""
    if len(n.args) != 2:
        return None
    (axis,) = ast.literal_eval(n.args[1])
    return ast.Call(_dotted("torch.prod"), [n.args[0], ast.Constant(axis)], [])


def _flipped(n: ast.Call, is_number: Callable[[ast.AST], bool]) -> ast.AST:
    x, axis = n.args
    return ast.Call(_dotted("torch.flip"), [x, ast.List([axis], ast.Load())], [])


_CALLS: dict[str, _Rewrite] = {
    "eye": _double("eye"), "ones": _double("ones"), "zeros": _double("zeros"),
    "array": _double("tensor"), "full": _filled, "sqrt": _root, "maximum": _bound("min"),
    "minimum": _bound("max"), "logaddexp": _softplus, "heaviside": _stepped, "pad": _padded,
    "flip": _flipped, "where": _chosen, "prod": _product,
}  # fmt: skip
