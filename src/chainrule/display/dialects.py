"""The NumPy source of a formula in the words of JAX and of PyTorch.

The source is read as a program and its calls are renamed; what the other library has no word for is
refused. Arrays are double precision, as in NumPy: JAX needs ``jax_enable_x64`` for that. PyTorch
takes tensors for every argument, numbers too.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from ..errors import FormulaError
from .text import broken

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
    "copy": "clone", "transpose": "permute", "power": "pow", "psi": "digamma",
    "logical_not": "logical_not", "expm": "matrix_exp",
}  # fmt: skip
#: NumPy's names that are the same in PyTorch.
_SAME = frozenset(
    """
    abs arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh broadcast_to ceil cos cosh
    cross cumsum cumprod diag einsum exp exp2 expm1 eye fix floor full heaviside hypot kron
    logical_and logical_or isfinite isinf isnan log log10 log1p log2 logaddexp maximum minimum
    negative ones outer prod reciprocal reshape round sign sin sinh sqrt square squeeze sum swapaxes tan
    tanh trace tril triu trunc where zeros inv det slogdet solve norm cholesky pad flip expit
    gammaln erf erfc digamma polygamma i0 i1 log_ndtr ndtr ndtri xlogy logit erfinv deg2rad
    rad2deg positive copysign diff roll
    """.split()  # noqa: SIM905 - a list of words is easier to read so
)


def translated(
    source: str, dialect: str, integers: frozenset[str] = frozenset(), like: str = ""
) -> str:
    """A module of NumPy source in another dialect, ``jax`` or ``torch``.

    ``integers`` are globals that hold plain integers. PyTorch's new tensors are of the type and on
    the device of ``like``, an array of the source.
    """
    tree = ast.parse(source)
    *brought, function = (n for n in tree.body if isinstance(n, ast.FunctionDef))
    own = frozenset(n.name for n in brought)
    names = _Jax(own) if dialect == "jax" else _Torch(integers, like, own)
    function = ast.fix_missing_locations(names.visit(function))
    lines = [f"def {function.name}({ast.unparse(function.args)}):"]
    lines += ["    " + line for n in function.body for line in _lines(n)]
    text = "\n".join(lines).replace(" ** ", "**")
    head = _HEADS[dialect]
    if dialect == "jax" and "jax." not in text.replace("jnp.", ""):
        head = "import jax.numpy as jnp"
    return f"{head}\n\n\n{text}\n"


def _lines(n: ast.stmt) -> list[str]:
    if isinstance(n, ast.Return) and n.value is not None:
        head, value = "return ", n.value
    elif isinstance(n, ast.Assign):
        head, value = f"{ast.unparse(n.targets[0])} = ", n.value
    else:
        return ast.unparse(n).splitlines()
    text = ast.unparse(value)
    return broken(head, text[1:-1] if isinstance(value, ast.Tuple) and len(value.elts) > 1 else text)


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


#: What ``jax.scipy.special`` has of SciPy's; it came by degrees, these by JAX 0.10.
_JAX_SPECIAL = frozenset(
    """
    beta betainc betaln boxcox boxcox1p comb dawsn digamma entr erf erfc erfcx erfinv exp1 expi expit
    expn gamma gammainc gammaincc gammaln hyp1f1 hyp2f1 i0 i0e i1 i1e kl_div log_ndtr loggamma logit
    multigammaln ndtr ndtri owens_t poch polygamma rel_entr spence xlog1py xlogy zeta
    """.split()  # noqa: SIM905
)


class _Jax(ast.NodeTransformer):
    """``jax.numpy`` has NumPy's names. ``brought`` are the functions that the source brings along."""

    def __init__(self, brought: frozenset[str]) -> None:
        self._brought = brought

    def visit_Attribute(self, n: ast.Attribute) -> ast.AST:
        """A function of SciPy's, which JAX may lack or call otherwise."""
        if isinstance(n.value, ast.Name) and n.value.id == "special":
            n.attr = {"psi": "digamma"}.get(n.attr, n.attr)
            if n.attr not in _JAX_SPECIAL:
                raise FormulaError(
                    f"JAX has no special.{n.attr}, so there is no code of this formula for it."
                )
        return self.generic_visit(n)

    def visit_Name(self, n: ast.Name) -> ast.AST:
        """A module, or a function that the source brings along."""
        if n.id == "np":
            return ast.Name("jnp", n.ctx)
        if n.id in ("special", "linalg"):
            return _dotted(f"jax.scipy.{n.id}")
        helper = _HELPERS["jax"].get(n.id)
        if helper is None and n.id in self._brought:
            raise FormulaError(f"JAX has no {n.id[1:]}, so there is no code of this formula for it.")
        return n if helper is None else _dotted(helper)

    def visit_Assign(self, n: ast.Assign) -> ast.AST:
        """Arrays are not changed: ``x[i] = v`` makes another ``x``."""
        return self._changed(n, n.targets[0], "set")

    def visit_AugAssign(self, n: ast.AugAssign) -> ast.AST:
        """``x[i] += v`` too."""
        if isinstance(n.op, ast.Sub):  # at[i].subtract is newer than at[i].add
            n.value = ast.UnaryOp(ast.USub(), n.value)
        return self._changed(n, n.target, "add")

    def _changed(self, n: ast.Assign | ast.AugAssign, target: ast.expr, how: str) -> ast.AST:
        made = self.generic_visit(n)
        if not isinstance(target, ast.Subscript) or not isinstance(target.value, ast.Name):
            return made
        at = ast.Subscript(ast.Attribute(target.value, "at", ast.Load()), target.slice, ast.Load())
        new = ast.Call(ast.Attribute(at, how, ast.Load()), [n.value], [])
        return ast.Assign([ast.Name(target.value.id, ast.Store())], new)


class _Torch(ast.NodeTransformer):
    """PyTorch has other names for some, and other ideas of numbers."""

    def __init__(self, integers: frozenset[str], like: str, brought: frozenset[str]) -> None:
        self._sizes = set(integers)
        self._brought = brought
        known = ast.parse(like, mode="eval").body if like else None
        self.dtype = ast.Attribute(known, "dtype", ast.Load()) if known else _dotted("torch.float64")
        self._device = ast.Attribute(known, "device", ast.Load()) if known else None

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
        if own is None and path in self._brought:
            raise FormulaError(f"PyTorch has no {path[1:]}, so there is no code of this formula for it.")
        word = path.rpartition(".")[2]
        made: ast.AST = self.generic_visit(n)
        assert isinstance(made, ast.Call)
        made.keywords = [k for k in made.keywords if k.arg != "optimize"]
        for keyword in made.keywords:
            keyword.arg = {"axis": "dim", "keepdims": "keepdim"}.get(keyword.arg or "", keyword.arg)
        if own is not None:
            made.func = _dotted(own)
            return made
        if not path.startswith(("np.", "special.", "linalg.")):
            return made
        special = _CALLS.get(word)
        if special is not None:
            found = special(made, self)
            if found is not None:
                return found
        if word not in _SAME and word not in _RENAMED:
            raise FormulaError(f"PyTorch has no {path}, so there is no code of this formula for it.")
        middle = {"np.linalg": "torch.linalg", "special": "torch.special", "linalg": "torch.linalg"}
        module = middle.get(path.rpartition(".")[0], "torch")
        made.func = _dotted(f"{module}.{_RENAMED.get(word, word)}")
        return made

    def visit_Subscript(self, n: ast.Subscript) -> ast.AST:
        """PyTorch takes no steps backwards: ``x[::-1]`` is flipped."""
        made = self.generic_visit(n)
        if "::-" in ast.unparse(n.slice) and isinstance(n.ctx, ast.Store):
            raise FormulaError("PyTorch writes to no slice backwards, so there is no code for it.")
        if ast.unparse(n.slice) == "::-1":
            return ast.Call(_dotted("torch.flip"), [n.value, ast.List([ast.Constant(0)])], [])
        return made

    def made(self, word: str, *args: ast.expr, typed: bool = True) -> ast.Call:
        """A call that makes a tensor of nothing, which is told its type and where it is."""
        dtype = [ast.keyword("dtype", self.dtype)] if typed else []
        place = [ast.keyword("device", self._device)] if self._device is not None else []
        return ast.Call(_dotted(f"torch.{word}"), list(args), [*dtype, *place])

    def is_number(self, n: ast.AST) -> bool:
        """Whether an expression is made of literals and lengths alone."""
        names = [m for m in ast.walk(n) if isinstance(m, ast.Name)]
        calls = any(isinstance(m, ast.Call | ast.Attribute) for m in ast.walk(n))
        return not calls and all(m.id in self._sizes for m in names)


_Rewrite = Callable[[ast.Call, _Torch], "ast.AST | None"]


def _made(word: str, *, typed: bool = True) -> _Rewrite:
    return lambda n, torch: torch.made(word, *n.args, typed=typed)


def _root(n: ast.Call, torch: _Torch) -> ast.AST | None:
    (x,) = n.args
    return ast.BinOp(x, ast.Pow(), ast.Constant(0.5)) if torch.is_number(x) else None


def _bound(keyword: str) -> _Rewrite:
    """A maximum with a number is a clamp."""

    def rewrite(n: ast.Call, torch: _Torch) -> ast.AST | None:
        for x, bound in (n.args, n.args[::-1]):
            if torch.is_number(bound):
                return ast.Call(_dotted("torch.clamp"), [x], [ast.keyword(keyword, bound)])
        return None

    return rewrite


def _filled(n: ast.Call, torch: _Torch) -> ast.AST:
    shape, value = n.args
    return ast.BinOp(value, ast.Mult(), torch.made("ones", shape))


def _softplus(n: ast.Call, torch: _Torch) -> ast.AST | None:
    zero, x = n.args
    if not torch.is_number(zero):
        return None
    zeros = ast.Call(_dotted("torch.zeros_like"), [x], [])
    return ast.Call(_dotted("torch.logaddexp"), [zeros, x], [])


def _chosen(n: ast.Call, torch: _Torch) -> ast.AST | None:
    """A choice between 1 and 0 is the condition as numbers."""
    condition, a, b = n.args
    if not (torch.is_number(a) and torch.is_number(b)):
        return None
    if ast.literal_eval(a) != 1 or ast.literal_eval(b) != 0:
        return None
    return ast.Call(ast.Attribute(condition, "to", ast.Load()), [torch.dtype], [])


def _stepped(n: ast.Call, torch: _Torch) -> ast.AST:
    x, at_zero = n.args
    return ast.Call(_dotted("torch.heaviside"), [x, torch.made("tensor", at_zero)], [])


def _padded(n: ast.Call, torch: _Torch) -> ast.AST:
    """PyTorch counts the widths from the last axis."""
    x, widths = n.args
    found = ast.literal_eval(widths)
    pairs = [found] if isinstance(found[0], int) else list(found)
    flat = [int(w) for pair in reversed(pairs) for w in pair]
    shown = ast.List([ast.Constant(w) for w in flat], ast.Load())
    return ast.Call(_dotted("torch.nn.functional.pad"), [x, shown], [])


def _product(n: ast.Call, torch: _Torch) -> ast.AST | None:
    """Over one axis, which is all that a vector has."""
    if len(n.args) != 2:
        return None
    (axis,) = ast.literal_eval(n.args[1])
    return ast.Call(_dotted("torch.prod"), [n.args[0], ast.Constant(axis)], [])


def _along(n: ast.Call, torch: _Torch) -> ast.AST | None:
    """PyTorch wants to know the axis, also of a vector."""
    if len(n.args) == 1:
        n.args.append(ast.Constant(0))
    return None


def _flipped(n: ast.Call, torch: _Torch) -> ast.AST:
    x, axis = n.args
    return ast.Call(_dotted("torch.flip"), [x, ast.List([axis], ast.Load())], [])


_CALLS: dict[str, _Rewrite] = {
    "eye": _made("eye"), "ones": _made("ones"), "zeros": _made("zeros"), "array": _made("tensor"),
    "arange": _made("arange", typed=False), "full": _filled, "sqrt": _root, "maximum": _bound("min"),
    "minimum": _bound("max"), "logaddexp": _softplus, "heaviside": _stepped, "pad": _padded,
    "flip": _flipped, "where": _chosen, "prod": _product, "cumsum": _along,
    "cumprod": _along,
}  # fmt: skip
