"""Functions of Hermitian matrices by their eigenvalues, ``V f(w) Vᴴ``, and their derivatives.

The eigenvectors turn at rates that are divided by gaps between eigenvalues; a function of the
matrix does not: its k-th derivative is made of divided differences of f of order k, and these exist
where eigenvalues are equal. So it is a row of its own, closed under differentiation: the k-th
derivative in directions E₁ … E_k is the same row with k more arguments.

Source: Daleckii and Krein, Integration and differentiation of functions of Hermitian operators,
1965; Higham, Functions of Matrices, 2008, theorem 3.11 and section 3.6.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import permutations
from math import factorial
from typing import Any

import numpy as np

from ..errors import UnsupportedFunction
from ..ir.graph import Graph
from ..ir.node import CONSTANT, Node, constant, input_node
from ..ir.primitive import Array, Maybe, total
from ..ir.types import ArrayType
from .linalg import (
    Example,
    MatrixFunction,
    adjoint,
    check_square,
    hermitian,
    matrices,
    on_triangle,
    product,
)
from .structural import cast, lead_all

Walk = Callable[..., Any]
#: How many divided differences are made at once.
_LARGEST = 1_000_000


# -- a function of one number ----------------------------------------------------------------------


def values(body: Graph, which: int, numbers: Sequence[Any]) -> Any:
    """Output ``which`` of a body on numbers, for arrays of them that broadcast together."""
    known: dict[Node, Any] = dict(zip(body.inputs, numbers, strict=True))
    with np.errstate(all="ignore"):
        for n in Graph(body.inputs, (body.outputs[which],)).order:
            if n in known:
                continue
            if n.op is CONSTANT:
                known[n] = n.params[0].array
            else:
                known[n] = n.op.evaluate([known[a] for a in n.args], *n.params)
    return known[body.outputs[which]]


def slopes(body: Graph, i: int, walk: Walk, *, forward: bool) -> list[Node]:
    """The derivatives of every output of a body by input ``i``: zeros where there are none."""
    source = body.inputs[i]
    found = []
    for out in body.outputs:
        seed = constant(out.type.dtype.type(1))
        (slope,) = walk([out], [source], [seed])
        found.append(constant(out.type.dtype.type(0)) if slope is None else slope)
    return found


@lru_cache(maxsize=512)
def risen(body: Graph, height: int, walk: Walk, forward: bool) -> Graph:
    """The body with its derivatives by the first input as further outputs, ``height`` in all.

    Fewer than that, if one of them is refused: they serve to be accurate at nearly equal numbers.
    """
    outputs = list(body.outputs)
    while len(outputs) < height:
        last = Graph(body.inputs, (outputs[-1],))
        try:
            (slope,) = slopes(last, 0, walk, forward=forward)
        except (UnsupportedFunction, NotImplementedError):
            break
        outputs.append(slope)
    return Graph(body.inputs, tuple(outputs)).closed()


def divided_differences(body: Graph, points: Any, rest: Sequence[Any]) -> Any:
    """``f[x₀, …, x_k]`` for points along the last axis, which has k + 1 of them.

    By the recurrence where they are apart, by Taylor's series about their mean where they are
    close, whichever has the smaller estimated error at each place.
    """
    points = np.sort(points, axis=-1)
    count = points.shape[-1]
    eps = float(np.finfo(points.dtype).eps)
    scale = np.max(np.abs(points), initial=0.0)
    columns = [np.asarray(values(body, 0, [points[..., k], *rest])) for k in range(count)]
    columns = [np.broadcast_to(c, points.shape[:-1]).astype(points.dtype) for c in columns]
    errors = [eps * np.abs(c) for c in columns]
    for order in range(1, count):
        next_columns, next_errors = [], []
        for k in range(count - order):
            group = points[..., k : k + order + 1]
            spread = group[..., -1] - group[..., 0]
            apart = np.where(spread > 0, spread, 1.0)
            difference = (columns[k + 1] - columns[k]) / apart
            noise = np.where(spread > 0, (errors[k + 1] + errors[k]) / apart, np.inf)
            mean = np.mean(group, axis=-1)
            first = values(body, order, [mean, *rest]) / factorial(order)
            if len(body.outputs) > order + 2:
                moment = 0.5 * np.sum(np.square(group - mean[..., None]), axis=-1)
                second = values(body, order + 2, [mean, *rest]) * moment / factorial(order + 2)
                share = np.sqrt(np.abs(second) / (np.abs(first) + np.abs(second) + np.finfo(float).tiny))
                doubt = np.abs(second) * share + eps * np.abs(first)
            else:
                second, doubt = 0.0, np.where(spread <= 4 * eps * scale, 0.0, np.inf)
            near = (spread <= 1e-2 * scale) & (doubt < noise) | (spread == 0)
            near = near | (spread <= 4 * eps * scale)
            with np.errstate(all="ignore"):
                next_columns.append(np.where(near, first + second, difference).astype(points.dtype))
            next_errors.append(np.where(near, np.where(spread == 0, eps * np.abs(first), doubt), noise))
        columns, errors = next_columns, next_errors
    return columns[0]


def derivative(body: Graph, w: Any, v: Any, rest: Sequence[Any], directions: Sequence[Any]) -> Any:
    """The derivative of ``V f(w) Vᴴ`` in ``directions``, for one matrix."""
    k = len(directions)
    if not k:
        return (v * values(body, 0, [w, *rest])) @ v.conj().T
    n = len(w)
    turned = [v.conj().T @ e @ v for e in directions]
    letters = "abcdefghij"[: k + 1]
    codes = ",".join(letters[j : j + 2] for j in range(k))
    core = np.zeros((n, n), np.result_type(v, *directions))
    step = max(1, _LARGEST // n**k)
    for start in range(0, n, step):  # some rows at a time, for the memory
        axes = [w[start : start + step], *[w] * k]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        table = divided_differences(body, grid, rest)
        for order in permutations(range(k)):
            first, *others = (turned[j] for j in order)
            core[start : start + step] += np.einsum(
                f"{letters},{codes}->{letters[0]}{letters[-1]}",
                table, first[start : start + step], *others, optimize=k > 1,
            )  # fmt: skip
    return v @ core @ v.conj().T


# -- the rows --------------------------------------------------------------------------------------


class SpectralFunction(MatrixFunction):
    """``V f(w) Vᴴ`` of a Hermitian matrix, and its derivative in any number of directions.

    The arguments are the matrix, the further numbers that f takes, and the directions. The body is
    f, a function of numbers, followed by its derivatives by the first.
    """

    name = "spectral_function"
    parameters = ("body", "lower")
    text = "f({0})"

    def handed(self, walk: Walk) -> tuple[Any, ...]:
        """The walk, to differentiate f by."""
        return (walk,)

    def __call__(self, body: Graph, lower: bool, a: Array, *rest: Array) -> Array:
        """For a stack of matrices, with numbers and directions of the same leading axes."""
        return self.bind((a, *rest), body, lower)

    def infer(self, types: Sequence[ArrayType], body: Graph, lower: bool) -> ArrayType:
        check_square(types[0])
        if any(t.dtype.kind == "c" for t in types[1 : len(body.inputs)]):
            raise TypeError("a function of real eigenvalues takes real numbers")
        return ArrayType(types[0].shape, np.result_type(types[0].dtype, *[t.dtype for t in types[len(body.inputs) :]]))

    def evaluate(self, arrays: Sequence[Any], body: Graph, lower: bool, *_: Any) -> Any:
        count = len(body.inputs)
        a, numbers, directions = arrays[0], arrays[1:count], arrays[count:]
        w, v = np.linalg.eigh(a, "L" if lower else "U")
        result = np.empty(a.shape, np.result_type(a, *directions))
        for k in np.ndindex(a.shape[:-2]):
            result[k] = derivative(body, w[k], v[k], [x[k] for x in numbers], [e[k] for e in directions])
        return result

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], body: Graph, lower: bool, walk: Walk
    ) -> Maybe:
        count = len(body.inputs)
        terms: list[Maybe] = []
        if tangents[0] is not None:
            terms.append(self._further(body, lower, args, hermitian(tangents[0], lower=lower), walk, forward=True))
        for i, t in enumerate(tangents[1:count], 1):
            if t is not None:
                by_number = self(self._slope(body, i, walk, forward=True), lower, *args)
                terms.append(np.expand_dims(t, (-1, -2)) * by_number)
        for i, t in enumerate(tangents[count:], count):
            if t is not None:
                terms.append(self(body, lower, *args[:i], t, *args[i + 1 :]))
        found = total(terms)
        return None if found is None else cast(found, out.dtype)

    def _further(
        self, body: Graph, lower: bool, args: Sequence[Array], e: Array, walk: Walk, *, forward: bool
    ) -> Array:
        """One direction more."""
        order = len(args) - len(body.inputs) + 1
        raised = risen(body, order + 3, walk, forward)
        if len(raised.outputs) <= order:
            raise UnsupportedFunction(
                "this function of the eigenvalues of a matrix has no derivative of that order here"
            )
        return self(raised, lower, *args, e)

    def _slope(self, body: Graph, i: int, walk: Walk, *, forward: bool) -> Graph:
        return Graph(body.inputs, tuple(slopes(body, i, walk, forward=forward))).closed()

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], body: Graph, lower: bool, walk: Walk
    ) -> Sequence[Maybe]:
        count = len(body.inputs)
        others = [*args[:count], *(adjoint(e) for e in args[count:])]
        back = adjoint(ct)
        results: list[Maybe] = [None] * len(args)
        if wanted[0]:
            # tr(X L(E)) is the same for every place of X among the directions.
            pulled = adjoint(self._further(body, lower, others, back, walk, forward=False))
            results[0] = cast(on_triangle(pulled, lower), args[0].dtype)
        for i in range(1, count):
            if wanted[i]:
                by_number = self(self._slope(body, i, walk, forward=False), lower, *args)
                share = np.sum(np.conj(ct) * by_number, axis=(-1, -2))
                results[i] = cast(np.real(share) if share.dtype.kind == "c" else share, args[i].dtype)
        for i in range(count, len(args)):
            if wanted[i]:
                pulled = adjoint(self(body, lower, *others[:i], back, *others[i + 1 :]))
                results[i] = cast(pulled, args[i].dtype)
        return results

    def batch(
        self, args: Sequence[Array], batched: Sequence[bool], size: int, *params: Any
    ) -> Array:
        return self.bind(lead_all(args, batched, size), *params[:2])

    def examples(self) -> Sequence[Example]:
        x, p = (input_node(1, k, ArrayType((), np.dtype(float))) for k in range(2))
        from .arithmetic import multiply
        from .transcendental import sin

        body = Graph((x, p), (sin.build((multiply.build((x, p)),)),)).closed()
        a = matrices(3, 3)
        number = np.float64(0.7)
        equal = 2 * np.eye(3)
        return (
            ((a, number), (body, True)),
            ((equal, number), (body, True)),
            ((np.stack([a, equal]), np.array([0.7, 0.3])), (body, False)),
            ((matrices(3, 3, field="c"), number), (body, True)),
        )


class SpectralSum(MatrixFunction):
    """``Σ f(w)`` over the eigenvalues of a Hermitian matrix: its gradient is ``V f′(w) Vᴴ``."""

    name = "spectral_sum"
    parameters = ("body", "lower")
    text = "Σ f({0})"

    def handed(self, walk: Walk) -> tuple[Any, ...]:
        """The walk, to differentiate f by."""
        return (walk,)

    def __call__(self, body: Graph, lower: bool, a: Array, *rest: Array) -> Array:
        """For a stack of matrices, with numbers of the same leading axes."""
        return self.bind((a, *rest), body, lower)

    def infer(self, types: Sequence[ArrayType], body: Graph, lower: bool) -> ArrayType:
        check_square(types[0])
        if any(t.dtype.kind == "c" for t in types[1:]):
            raise TypeError("a function of real eigenvalues takes real numbers")
        return ArrayType(types[0].shape[:-2], body.outputs[0].type.dtype)

    def evaluate(self, arrays: Sequence[Any], body: Graph, lower: bool, *_: Any) -> Any:
        a, *numbers = arrays
        w = np.linalg.eigvalsh(a, "L" if lower else "U")
        found = values(body, 0, [w, *(np.expand_dims(x, -1) for x in numbers)])
        return np.sum(np.broadcast_to(found, w.shape), axis=-1)

    def _by_matrix(self, body: Graph, lower: bool, args: Sequence[Array], walk: Walk, *, forward: bool) -> Array:
        raised = Graph(body.inputs, tuple(slopes(body, 0, walk, forward=forward))).closed()
        return spectral_function(raised, lower, *args)

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], body: Graph, lower: bool, walk: Walk
    ) -> Maybe:
        terms: list[Maybe] = []
        if tangents[0] is not None:
            slope = self._by_matrix(body, lower, args, walk, forward=True)
            along = product("ij,ji->", slope, hermitian(tangents[0], lower=lower))
            terms.append(np.real(along) if along.dtype.kind == "c" else along)
        for i, t in enumerate(tangents[1:], 1):
            if t is not None:
                by_number = Graph(body.inputs, tuple(slopes(body, i, walk, forward=True))).closed()
                terms.append(t * self(by_number, lower, *args))
        found = total(terms)
        return None if found is None else cast(found, out.dtype)

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], body: Graph, lower: bool, walk: Walk
    ) -> Sequence[Maybe]:
        results: list[Maybe] = [None] * len(args)
        if wanted[0]:
            slope = np.expand_dims(ct, (-1, -2)) * self._by_matrix(body, lower, args, walk, forward=False)
            results[0] = cast(on_triangle(slope, lower), args[0].dtype)
        for i in range(1, len(args)):
            if wanted[i]:
                by_number = Graph(body.inputs, tuple(slopes(body, i, walk, forward=False))).closed()
                results[i] = cast(ct * self(by_number, lower, *args), args[i].dtype)
        return results

    def batch(
        self, args: Sequence[Array], batched: Sequence[bool], size: int, *params: Any
    ) -> Array:
        return self.bind(lead_all(args, batched, size), *params[:2])

    def examples(self) -> Sequence[Example]:
        return spectral_function.examples()


def body_of(n: Node, is_variable: Callable[[Node], bool], lead: tuple[int, ...]) -> tuple[Graph, list[Node]] | None:
    """The function of numbers by which ``n`` is made of a vector, element by element.

    ``n`` and the variable have the shape ``lead + (length,)``; what it takes besides has the shape
    ``lead`` and is repeated. ``None`` if it is made in any other way.
    """
    from .elementwise import Elementwise
    from .structural import broadcast
    from .structural import cast as cast_row

    made: dict[Node, Node] = {}
    others: list[Node] = []
    variable: Node | None = None
    stack = [n]
    while stack:
        m = stack[-1]
        if m in made:
            stack.pop()
            continue
        if is_variable(m):
            variable = variable or input_node(1, ("number", 0), ArrayType((), m.type.dtype))
            made[m] = variable
        elif m.op is broadcast and m.args[0].type.shape == lead and m.params[1] == tuple(range(-len(lead) - 1, -1)):
            (inner,) = m.args
            if inner.op is CONSTANT:
                made[m] = inner
            else:
                others.append(inner)
                made[m] = input_node(1, ("number", len(others)), ArrayType((), inner.type.dtype))
        elif isinstance(m.op, Elementwise) or m.op is cast_row:
            if not m.args:
                return None
            missing = [a for a in m.args if a not in made]
            if missing:
                stack.extend(missing)
                if len(stack) > 200:
                    return None
                continue
            made[m] = m.op.build(tuple(made[a] for a in m.args), *m.params)
        else:
            return None
        stack.pop()
    if variable is None or made[n].type.dtype.kind != "f":
        return None
    # Inputs that were met twice are one.
    inputs = [variable, *(input_node(1, ("number", k + 1), ArrayType((), o.type.dtype)) for k, o in enumerate(others))]
    return Graph(tuple(inputs), (made[n],)).closed(), others


spectral_function = SpectralFunction()
spectral_sum = SpectralSum()
