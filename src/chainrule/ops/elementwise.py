"""The elementwise kind: ``out[i] = f(x[i], y[i], ...)``, one row of data for each function.

A row gives the NumPy reference, the notation and the partial derivatives; all else follows from
the kind. The tangent is the sum of partial times tangent, the cotangent of an argument is
cotangent times (conjugated) partial, batching applies the row as it is, and element ``i`` of the
result depends on elements ``i``.

A partial is plain NumPy in ``(out, *args)``. ``1`` and ``-1`` are written as numbers; ``None``
marks an argument in which the function is piecewise constant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np

from ..ir.literal import Literal
from ..ir.node import CONSTANT, Node, node
from ..ir.primitive import Array, Maybe, Primitive, total
from ..ir.types import ArrayType
from .conform import conform
from .contraction import einsum, split_subscripts
from .indexing import add_along, gather, scatter_add, take_along
from .steady import cover
from .structural import broadcast, cast, concatenate, lead_all, place, reshape, slice_, transpose
from .template import Template

Partial: TypeAlias = Callable[..., Array] | int | None

#: NumPy's promotion takes Python's own types for weak operands.
_PYTHON = {"f": float, "i": int, "c": complex, "b": bool}


class Elementwise(Primitive):
    """The kind. ``function`` is a ufunc, or the dotted path of one to import when first used."""

    #: Whether a partial looks at the numbers that its arguments are in the program.
    reads_literals = False

    def __init__(
        self,
        function: Callable[..., Any] | str,
        text: str,
        precedence: int = 9,
        *,
        partials: tuple[Partial, ...] | None = None,
        linear_in: tuple[int, ...] = (),
        latex: str = "",
        name: str | None = None,
        holomorphic: bool = True,
        gated: bool = False,
        domain: tuple[float, float] | tuple[tuple[float, float], ...] = (-np.inf, np.inf),
    ) -> None:
        self._function = function
        self.name = name or (function.rpartition(".")[2] if isinstance(function, str) else function.__name__)
        self.text = text
        self.latex = latex
        self.precedence = precedence
        self.partials = partials
        self.linear_in = linear_in
        #: Whether it is a sum of its arguments, of their negatives or parts.
        self.adds = partials is not None and all(type(p) is int for p in partials)
        #: Whether it is complex differentiable where it takes complex numbers.
        self.holomorphic = holomorphic
        #: Whether a partial of 0 means "not chosen", so that nothing passes, not even infinity.
        self.gated = gated
        #: Where it is defined on the reals: one interval, or one for each argument.
        self.domain = domain
        self._plans: dict[Any, tuple[ArrayType, tuple[Any, ...] | None]] = {}
        self._templates: dict[Any, Template] = {}

    @property
    def ufunc(self) -> np.ufunc | None:
        """The ufunc of NumPy that it answers to, if it does to one."""
        return self._function if isinstance(self._function, np.ufunc) else None

    @property
    def function(self) -> Any:
        """The NumPy or SciPy function, imported when first used."""
        function = self._function
        if isinstance(function, str):
            module, _, attribute = function.rpartition(".")
            function = self._function = getattr(import_module(module), attribute)
        return function

    def __call__(self, *args: Array) -> Array:
        """Apply to array-likes that broadcast together."""
        return self.bind(args)

    # -- types, values, nodes --------------------------------------------------------------------

    def dtypes(self, operands: Sequence[Any]) -> tuple[Sequence[np.dtype], np.dtype]:
        """The dtypes that the operands are converted to, and the dtype of the result.

        Operands are dtypes, or Python types for weak scalars.
        """
        *loop, out = self.function.resolve_dtypes((*operands, None))
        return loop, out

    def _plan(self, types: tuple[ArrayType, ...]) -> tuple[ArrayType, tuple[Any, ...] | None]:
        """The type of the result, and what must be done first to each operand, if anything."""
        shape = np.broadcast_shapes(*[t.shape for t in types])
        weak = all(t.weak for t in types)
        operands = [_PYTHON[t.dtype.kind] if t.weak and not weak else t.dtype for t in types]
        loop, out = self.dtypes(operands)
        result = ArrayType(shape, out, weak and out.kind != "b")
        steps = tuple(
            (d if d != t.dtype or (t.weak and not weak) else None, t.shape != shape)
            for t, d in zip(types, loop, strict=True)
        )
        return result, steps if any(a is not None or b for a, b in steps) else None

    def build(self, nodes: tuple[Node, ...], *params: Any) -> Node:
        key = tuple([n.type for n in nodes])
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) > 4096:
                self._plans.clear()
            plan = self._plans[key] = self._plan(key)
        out, steps = plan
        if steps is not None:
            alike = []
            for n, (dtype, spread) in zip(nodes, steps, strict=True):
                if dtype is not None or spread:
                    n = conform(n, dtype, out.shape if spread else None)
                alike.append(n)
            nodes = tuple(alike)
        return node(self, nodes, params, out)

    def infer(self, types: Sequence[ArrayType], *params: Any) -> ArrayType:
        return self._plan(tuple(types))[0]

    def evaluate(self, arrays: Sequence[Any], *params: Any) -> Any:
        return self.function(*arrays)

    def evaluator(self, types: Sequence[ArrayType], *params: Any) -> Any:
        return self.function

    # -- derivatives -----------------------------------------------------------------------------

    def partial(self, i: int, out: Array, args: Sequence[Array]) -> Maybe:
        """The partial derivative in argument ``i``: an array, ``1``, ``-1`` or ``None``."""
        if self.partials is None:
            raise NotImplementedError(f"{self.name} has no derivative rule")
        partial = self.partials[i]
        if not callable(partial):
            return partial
        every = (out, *args)
        if self.reads_literals or not all(hasattr(x, "node") for x in every):
            return partial(*every)
        key = (i, *[x.node.type for x in every])
        template = self._templates.get(key)
        if template is None:
            if len(self._templates) > 1024:
                self._templates.clear()
            template = self._templates[key] = Template(partial, every)
        return template(every) if template else partial(*every)

    def jvp(self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any) -> Maybe:
        return total(
            scaled(t, self.partial(i, out, args), gated=self.gated)
            for i, t in enumerate(tangents)
            if t is not None
        )

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], *params: Any
    ) -> Sequence[Maybe]:
        results: list[Maybe] = []
        for i, want in enumerate(wanted):
            partial = self.partial(i, out, args) if want else None
            result = scaled(ct, partial, conjugate=True, gated=self.gated)
            if result is not None and result.dtype.kind == "c" and args[i].dtype.kind != "c":
                result = np.real(result)
            results.append(result)
        return results

    def batch(self, args: Sequence[Array], batched: Sequence[bool], size: int, *params: Any) -> Array:
        return self.bind(lead_all(args, batched, size), *params)

    def dependence(
        self, i: int, types: Sequence[ArrayType], out: ArrayType, *params: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        every = np.arange(out.size)
        return every, every


def scaled(t: Maybe, partial: Maybe, *, conjugate: bool = False, gated: bool = False) -> Maybe:
    """``partial * t``, which stays zero where ``t`` is zero by structure.

    A zero times an infinite partial would be NaN, so a selection or an embedding is taken outside
    the product: ``p ⊙ where(m, c, 0)`` is ``where(m, p ⊙ c, 0)``.
    """
    if t is None or partial is None:
        return None
    if type(partial) is int and partial in (1, -1):
        return t if partial == 1 else -t
    if gated:
        return gate(partial, t)
    if conjugate and getattr(getattr(partial, "dtype", None), "kind", "f") == "c":
        partial = np.conjugate(partial)
    described: Node | None = getattr(t, "node", None)
    if described is not None:
        if (
            described.op in _EMBEDDINGS
            and np.shape(t) == np.shape(partial)
            # With more pieces than elements it is one array: in a long loop they would pile up.
            and len(described.args) <= max(described.type.size, 8)
        ):
            # Its adjoint reads the factor where each piece lies.
            op, params = described.op, described.params
            args = [t.wrap(a) for a in described.args]
            wanted = [a.dtype.kind in "fc" for a in args]
            assert op.pullback is not None
            reads = op.pullback(t, partial, args, wanted, *params)
            return op.bind(
                [a if r is None else scaled(a, r) for a, r in zip(args, reads, strict=True)], *params
            )
        mask = support(described)
        if mask is not None:
            return where(t.wrap(mask), t * partial, 0.0)
    return t * partial


def support(n: Node) -> Node | None:
    """A mask outside which ``n`` is zero by structure, or ``None`` if there is no such structure.

    It looks through what only moves elements (masks commute with indexing and broadcasting), and
    through sums, of several arrays or along an axis. Each node is looked at once, however many ask, so that a long program costs in
    proportion.
    """
    if _plain(n):
        return None
    if n.op is einsum:
        if all(map(_plain, n.args)):
            return None
    elif n.op not in _MAKERS:
        for a in n.args[:1] if n.op in _MOVES else n.args:
            if _plain(a):
                return None
    stack = [n]
    while stack:
        current = stack[-1]
        if current in _supports:
            stack.pop()
            continue
        missing = [a for a in current.args if _shows(a) and a not in _supports]
        if missing:
            stack.extend(missing)
        else:
            _supports[current] = _mask(current)
            stack.pop()
    return _supports[n]


_supports: WeakKeyDictionary[Node, Node | None] = WeakKeyDictionary()


def _plain(n: Node) -> bool:
    """Whether one look tells that there is no structure, as it mostly does.

    What makes no zeros itself has a structure only if all that it reads have.
    """
    if not _shows(n):
        return True
    if n.op is einsum:
        return not any(map(_shows, n.args))
    if n.op not in _MAKERS:
        for a in n.args[:1] if n.op in _MOVES else n.args:
            if not _shows(a):
                return True
    return False


def _shows(n: Node) -> bool:
    """Whether an operation leaves zeros where they are, or puts some."""
    op = n.op
    if isinstance(op, Elementwise):
        return op.adds or op is where or op is gate
    return op is einsum or op in _EMBEDDINGS or op in _MOVES or op is concatenate or op.sums


def _mask(n: Node) -> Node | None:
    """The support of ``n``, given those of its arguments."""
    inner = [_supports.get(a) for a in n.args]
    if n.op is where:
        chosen = n.args[0]
        a = None if _is_zero(n.args[1]) else _both(chosen, inner[1])
        b = None if _is_zero(n.args[2]) else _both(logical_not.build((chosen,)), inner[2])
        if a is not None and b is not None:  # neither side is zero
            return None if inner[1] is None or inner[2] is None else logical_or.build((a, b))
        return b if a is None else a
    if n.op is gate:
        return _both(_not_zero(n.args[0]), inner[1])
    if n.op in _EMBEDDINGS:
        if n.op is place:
            shape, indices = n.params
            full = tuple(i for i, m in zip(indices, inner, strict=True) if m is None)
            if full and place.covers(shape, full):
                return None
        true = node(CONSTANT, (), (Literal(np.True_),))
        pieces = [
            (_spread(true, a.type.shape) if m is None else m) if a.type.differentiable else a
            for a, m in zip(n.args, inner, strict=True)
        ]
        return node(n.op, tuple(pieces), n.params)
    if n.op is concatenate:
        if all(m is None and not _is_zero(a) for m, a in zip(inner, n.args, strict=True)):
            return None
        joined = [
            _spread(node(CONSTANT, (), (Literal(np.bool_(not _is_zero(a))),)), a.type.shape) if m is None else m
            for a, m in zip(n.args, inner, strict=True)
        ]
        return node(n.op, tuple(joined), n.params)
    if n.op is einsum and len(n.args) > 1:
        return _of_product(n, inner)
    if any(m is None for m in (inner[:1] if n.op in _MOVES else inner)):
        return None
    if n.op is cast:
        return inner[0]
    if n.op in _MOVES:
        return node(n.op, (inner[0], *n.args[1:]), n.params)  # type: ignore[arg-type]
    if n.op.sums or n.op is einsum:  # not zero where any of those summed is not
        counted = node(cast, (inner[0],), (np.dtype(float), False))  # type: ignore[arg-type]
        return _not_zero(node(n.op, (counted,), n.params))
    return inner[0] if len(inner) == 1 else logical_or.build((inner[0], inner[1]))  # type: ignore[arg-type]


def _of_product(n: Node, inner: list[Node | None]) -> Node | None:
    """Where a contraction is zero because a factor is, whatever the index that is summed over."""
    inputs, output = split_subscripts(n.params[0])
    found: Node | None = None
    for letters, mask in zip(inputs, inner, strict=True):
        if mask is None or len(set(letters)) < len(letters) or len(set(output)) < len(output):
            continue
        gone = tuple(k - len(letters) for k, c in enumerate(letters) if c not in output)
        mask = cover(mask, gone)
        if mask is None:
            continue
        left = [c for c in letters if c in output]
        order = sorted(range(len(left)), key=lambda k: output.index(left[k]))
        if order != list(range(len(left))):
            mask = node(transpose, (mask,), (tuple(k - len(left) for k in order),))
        places = tuple(sorted(output.index(c) - len(output) for c in left))
        if mask.type.shape != n.type.shape:
            mask = node(broadcast, (mask,), (n.type.shape, places))
        found = _both(mask, found)
    return found


def _not_zero(n: Node) -> Node:
    return not_equal.build((n, node(CONSTANT, (), (Literal(0.0),))))


def _both(mask: Node, inner: Node | None) -> Node:
    return mask if inner is None else logical_and.build((mask, inner))


#: Operations that put their arguments into zeros, and those that only move or cast their first argument.
_EMBEDDINGS: frozenset[Any] = frozenset({place, scatter_add, add_along})
_MOVES: frozenset[Any] = frozenset({broadcast, reshape, transpose, slice_, gather, take_along, cast})


def _is_zero(n: Node) -> bool:
    while n.op is broadcast or n.op is cast:
        (n,) = n.args
    return n.op is CONSTANT and not n.params[0].array.any()


def literal_of(x: Array) -> Any:
    """The number that ``x`` is in the text of the program, or ``None`` if it varies."""
    n: Node | None = getattr(x, "node", None)
    if n is None:
        return x if isinstance(x, int | float) else None
    while n.op is broadcast or n.op is cast:
        (n,) = n.args
    return n.params[0].array.item() if n.op is CONSTANT and not n.type.shape else None


def _spread(n: Node, shape: tuple[int, ...]) -> Node:
    return n if n.type.shape == shape else node(broadcast, (n,), (shape, ()))


class Where(Elementwise):
    """Selection. It selects cotangents too, so what happens on the side not taken stays there."""

    def dtypes(self, operands: Sequence[Any]) -> tuple[Sequence[np.dtype], np.dtype]:
        values = [np.zeros((), o) if isinstance(o, np.dtype) else o() for o in operands[1:]]
        out = np.result_type(*values)
        return (np.dtype(bool), out, out), out

    def jvp(self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any) -> Maybe:
        _, a, b = (0.0 if t is None else t for t in tangents)
        return where(args[0], a, b)

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], *params: Any
    ) -> Sequence[Maybe]:
        return (
            None,
            where(args[0], ct, 0.0) if wanted[1] else None,
            where(args[0], 0.0, ct) if wanted[2] else None,
        )


class Gate(Elementwise):
    """``weight ⊙ t``, but 0 wherever the weight is 0, whatever ``t`` is there.

    The derivative of a selection by value (``maximum``, ``relu``): the weight is the share that
    an argument has in the result.
    """

    def dtypes(self, operands: Sequence[Any]) -> tuple[Sequence[np.dtype], np.dtype]:
        return np.multiply.resolve_dtypes((*operands, None))[:2], np.multiply.resolve_dtypes((*operands, None))[2]

    def evaluate(self, arrays: Sequence[Any], *params: Any) -> Any:
        weight, t = arrays
        with np.errstate(invalid="ignore"):
            return np.where(weight == 0, weight * 0, weight * t)[()]

    def evaluator(self, types: Sequence[ArrayType], *params: Any) -> Any:
        return lambda weight, t: self.evaluate((weight, t))

    def jvp(self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any) -> Maybe:
        return None if tangents[1] is None else self(args[0], tangents[1])

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], *params: Any
    ) -> Sequence[Maybe]:
        return None, self(args[0], ct) if wanted[1] else None


class Extremum(Elementwise):
    """``maximum``, ``minimum`` and their kin: the winner takes the derivative, a tie shares it."""

    def __init__(self, function: np.ufunc, text: str, **keywords: Any) -> None:
        super().__init__(function, text, gated=True, partials=(None, None), **keywords)

    def partial(self, i: int, out: Array, args: Sequence[Array]) -> Maybe:
        x, y = args[i], args[1 - i]
        lost = np.where(self._wins(y, x), 0.0, np.nan)  # neither wins where the result is NaN
        return np.where(x == y, 0.5, np.where(self._wins(x, y), 1.0, lost)).astype(out.dtype)

    def _wins(self, x: Array, y: Array) -> Array:
        won = x < y if self.name in ("minimum", "fmin") else x > y
        return won | (np.isnan(y) & ~np.isnan(x)) if self.name in ("fmax", "fmin") else won


class RealLinear(Elementwise):
    """Functions of complex numbers that are linear over the reals only: ``real``, ``conj``."""

    def __init__(
        self, function: Any, text: str, *, adjoint: Callable[[Array, Array], Array], real: bool, **keywords: Any
    ) -> None:
        super().__init__(function, text, linear_in=(0,), holomorphic=False, **keywords)
        self.adds = True
        self._adjoint = adjoint
        self._real = real

    def dtypes(self, operands: Sequence[Any]) -> tuple[Sequence[np.dtype], np.dtype]:
        dtype = np.dtype(operands[0])
        return (dtype,), np.zeros((), dtype).real.dtype if self._real else dtype

    def jvp(self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any) -> Maybe:
        return self(tangents[0])

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], *params: Any
    ) -> Sequence[Maybe]:
        return (self._adjoint(ct, args[0]),)


# What the kind itself needs; the other rows are in arithmetic.py, transcendental.py, special.py.
where = Where(np.where, "where({0}, {1}, {2})", linear_in=(1, 2), partials=(None, 1, 1), name="where")
gate = Gate("chainrule.gate", "{0} ⊙ {1}", 5, linear_in=(1,), partials=(None, lambda out, w, t: w))
logical_not = Elementwise(np.logical_not, "¬{0}", 6, partials=(None,))
logical_and = Elementwise(np.logical_and, "{0} ∧ {1}", 2, partials=(None, None))
logical_or = Elementwise(np.logical_or, "{0} ∨ {1}", 2, partials=(None, None))
not_equal = Elementwise(np.not_equal, "{0} ≠ {1}", 3, partials=(None, None))

#: Operations that put zeros where there were none, or keep those of one argument beside another.
_MAKERS = _EMBEDDINGS | {where, gate, concatenate}
