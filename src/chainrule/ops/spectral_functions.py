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
from typing import Any, NamedTuple

import numpy as np

from ..errors import UndefinedDerivative, UnsupportedFunction
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


class How(NamedTuple):
    """Which triangle is read, and how f is continued from the positive numbers, if it is.

    A function of singular values is one of the eigenvalues ``±s`` of ``[[0, A], [Aᴴ, 0]]``, where
    f is continued as an odd or an even one: ``U f(s) Vᴴ`` is a block of the odd one, ``U f(s) Uᴴ``
    and ``V f(s) Vᴴ`` are blocks of the even one. Of a matrix that is not square, ``zeros`` of the
    eigenvalues are 0 at every point, and f is 0 there.
    """

    lower: bool = True
    parity: str = ""
    zeros: int = 0

    @property
    def slope(self) -> How:
        """How the derivative of f is continued; at 0 it is 0, as that of the modulus."""
        return self._replace(parity={"": "", "even": "slope", "odd": "even", "slope": "even"}[self.parity])

    def rounded(self, w: Any) -> Any:
        """The eigenvalues, with what is 0 but for rounding made 0."""
        return np.where(self._nothing(w), 0.0, w).astype(w.dtype) if self.parity else w

    def counted(self, w: Any) -> Any:
        """The numbers at which a sum takes f: singular values twice."""
        return np.sort(np.abs(w))[self.zeros :] if self.parity else w

    def _nothing(self, w: Any) -> Any:
        noise = 4 * w.shape[-1] * float(np.finfo(w.dtype).eps)
        return np.abs(w) <= noise * np.max(np.abs(w), initial=0.0)

    def extended(self, body: Graph, w: Any, rest: Sequence[Any], order: int) -> Callable[[int, Any], Any]:
        """``f(r, x)``, the r-th derivative of f as it is continued."""
        if not self.parity:
            return lambda r, x: values(body, r, [x, *rest])
        missing = int(np.sum(self._nothing(w))) > self.zeros
        if missing and (order or self.parity != "slope"):
            kink = 1 if self.parity == "even" else 0
            at_0 = [values(body, r, [w.dtype.type(0), *rest]) for r in range(kink + 1) if r < len(body.outputs)]
            smooth = len(at_0) > kink and at_0[kink] == 0 and not self.zeros
            if not smooth and (order or kink == 0):
                raise UndefinedDerivative(
                    "this function of the singular values has no derivative where one of them is 0"
                )
        odd = self.parity != "even"

        def f(r: int, x: Any) -> Any:
            sign = np.where(x < 0, -1.0, 1.0) if (r + odd) % 2 else 1.0
            found = sign * values(body, r, [np.abs(x), *rest])
            if self.zeros or (self.parity == "slope" and not r):
                found = np.where(x == 0, 0.0, found)
            return found

        return f


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


def divided_differences(f: Callable[[int, Any], Any], height: int, points: Any) -> Any:
    """``f[x₀, …, x_k]`` for points along the last axis, which has k + 1 of them.

    ``f(r, x)`` is the r-th derivative, for r below ``height``.

    By the recurrence where they are apart, by Taylor's series about their mean where they are
    close, whichever has the smaller estimated error at each place.
    """
    points = np.sort(points, axis=-1)
    count = points.shape[-1]
    eps = float(np.finfo(points.dtype).eps)
    scale = np.max(np.abs(points), initial=0.0)
    columns = [np.asarray(f(0, points[..., k])) for k in range(count)]
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
            first = f(order, mean) / factorial(order)
            if height > order + 2:
                moment = 0.5 * np.sum(np.square(group - mean[..., None]), axis=-1)
                second = f(order + 2, mean) * moment / factorial(order + 2)
                share = np.sqrt(np.abs(second) / (np.abs(first) + np.abs(second) + np.finfo(float).tiny))
                doubt = np.abs(second) * share + eps * np.abs(first)
            else:
                second, doubt = 0.0, np.where(spread <= 4 * eps * scale, 0.0, np.inf)
            with np.errstate(all="ignore"):
                # Across a kink of f the series is wrong, whatever it says of itself.
                agrees = np.abs(first + second - difference) <= 64 * noise
                near = (spread <= 1e-2 * scale) & (doubt < noise) & agrees | (spread == 0)
                near = near | (spread <= 4 * eps * scale)
                next_columns.append(np.where(near, first + second, difference).astype(points.dtype))
            next_errors.append(np.where(near, np.where(spread == 0, eps * np.abs(first), doubt), noise))
        columns, errors = next_columns, next_errors
    return columns[0]


def derivative(
    f: Callable[[int, Any], Any], height: int, w: Any, v: Any, directions: Sequence[Any]
) -> Any:
    """The derivative of ``V f(w) Vᴴ`` in ``directions``, for one matrix."""
    k = len(directions)
    if not k:
        return (v * f(0, w)) @ v.conj().T
    n = len(w)
    turned = [v.conj().T @ e @ v for e in directions]
    letters = "abcdefghij"[: k + 1]
    codes = ",".join(letters[j : j + 2] for j in range(k))
    core = np.zeros((n, n), np.result_type(v, *directions))
    step = max(1, _LARGEST // n**k)
    for start in range(0, n, step):  # some rows at a time, for the memory
        axes = [w[start : start + step], *[w] * k]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        table = divided_differences(f, height, grid)
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
    parameters = ("body", "how")
    text = "f({0})"

    def handed(self, walk: Walk) -> tuple[Any, ...]:
        """The walk, to differentiate f by."""
        return (walk,)

    def __call__(self, body: Graph, how: How, a: Array, *rest: Array) -> Array:
        """For a stack of matrices, with numbers and directions of the same leading axes."""
        return self.bind((a, *rest), body, how)

    def infer(self, types: Sequence[ArrayType], body: Graph, how: How) -> ArrayType:
        check_square(types[0])
        if any(t.dtype.kind == "c" for t in types[1 : len(body.inputs)]):
            raise TypeError("a function of real eigenvalues takes real numbers")
        return ArrayType(types[0].shape, np.result_type(types[0].dtype, *[t.dtype for t in types[len(body.inputs) :]]))

    def evaluate(self, arrays: Sequence[Any], body: Graph, how: How, *_: Any) -> Any:
        count = len(body.inputs)
        a, numbers, directions = arrays[0], arrays[1:count], arrays[count:]
        w, v = np.linalg.eigh(a, "L" if how.lower else "U")
        result = np.empty(a.shape, np.result_type(a, *directions))
        for k in np.ndindex(a.shape[:-2]):
            f = how.extended(body, w[k], [x[k] for x in numbers], len(directions))
            result[k] = derivative(f, len(body.outputs), how.rounded(w[k]), v[k], [e[k] for e in directions])
        return result

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], body: Graph, how: How, walk: Walk
    ) -> Maybe:
        count = len(body.inputs)
        terms: list[Maybe] = []
        if tangents[0] is not None:
            terms.append(self._further(body, how, args, hermitian(tangents[0], lower=how.lower), walk, forward=True))
        for i, t in enumerate(tangents[1:count], 1):
            if t is not None:
                by_number = self(self._slope(body, i, walk, forward=True), how, *args)
                terms.append(np.expand_dims(t, (-1, -2)) * by_number)
        for i, t in enumerate(tangents[count:], count):
            if t is not None:
                terms.append(self(body, how, *args[:i], t, *args[i + 1 :]))
        found = total(terms)
        return None if found is None else cast(found, out.dtype)

    def _further(
        self, body: Graph, how: How, args: Sequence[Array], e: Array, walk: Walk, *, forward: bool
    ) -> Array:
        """One direction more."""
        order = len(args) - len(body.inputs) + 1
        raised = risen(body, order + 3, walk, forward)
        if len(raised.outputs) <= order:
            raise UnsupportedFunction(
                "this function of the eigenvalues of a matrix has no derivative of that order here"
            )
        return self(raised, how, *args, e)

    def _slope(self, body: Graph, i: int, walk: Walk, *, forward: bool) -> Graph:
        return Graph(body.inputs, tuple(slopes(body, i, walk, forward=forward))).closed()

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], body: Graph, how: How, walk: Walk
    ) -> Sequence[Maybe]:
        count = len(body.inputs)
        others = [*args[:count], *(adjoint(e) for e in args[count:])]
        back = adjoint(ct)
        results: list[Maybe] = [None] * len(args)
        if wanted[0]:
            # tr(X L(E)) is the same for every place of X among the directions.
            pulled = adjoint(self._further(body, how, others, back, walk, forward=False))
            results[0] = cast(on_triangle(pulled, how.lower), args[0].dtype)
        for i in range(1, count):
            if wanted[i]:
                by_number = self(self._slope(body, i, walk, forward=False), how, *args)
                share = np.sum(np.conj(ct) * by_number, axis=(-1, -2))
                results[i] = cast(np.real(share) if share.dtype.kind == "c" else share, args[i].dtype)
        for i in range(count, len(args)):
            if wanted[i]:
                pulled = adjoint(self(body, how, *others[:i], back, *others[i + 1 :]))
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
            ((a, number), (body, How())),
            ((equal, number), (body, How())),
            ((np.stack([a, equal]), np.array([0.7, 0.3])), (body, How(False))),
            ((matrices(3, 3, field="c"), number), (body, How())),
        )


class SpectralSum(MatrixFunction):
    """``Σ f(w)`` over the eigenvalues of a Hermitian matrix: its gradient is ``V f′(w) Vᴴ``."""

    name = "spectral_sum"
    parameters = ("body", "how")
    text = "Σ f({0})"

    def handed(self, walk: Walk) -> tuple[Any, ...]:
        """The walk, to differentiate f by."""
        return (walk,)

    def __call__(self, body: Graph, how: How, a: Array, *rest: Array) -> Array:
        """For a stack of matrices, with numbers of the same leading axes."""
        return self.bind((a, *rest), body, how)

    def infer(self, types: Sequence[ArrayType], body: Graph, how: How) -> ArrayType:
        check_square(types[0])
        if any(t.dtype.kind == "c" for t in types[1:]):
            raise TypeError("a function of real eigenvalues takes real numbers")
        return ArrayType(types[0].shape[:-2], body.outputs[0].type.dtype)

    def evaluate(self, arrays: Sequence[Any], body: Graph, how: How, *_: Any) -> Any:
        a, *numbers = arrays
        w = np.linalg.eigvalsh(a, "L" if how.lower else "U")
        result = np.empty(a.shape[:-2], body.outputs[0].type.dtype)
        for k in np.ndindex(result.shape):
            counted = how.counted(w[k])
            found = values(body, 0, [counted, *(x[k] for x in numbers)])
            result[k] = np.sum(np.broadcast_to(found, counted.shape))
        return result[()]

    def _by_matrix(self, body: Graph, how: How, args: Sequence[Array], walk: Walk, *, forward: bool) -> Array:
        raised = Graph(body.inputs, tuple(slopes(body, 0, walk, forward=forward))).closed()
        return spectral_function(raised, how.slope, *args)

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], body: Graph, how: How, walk: Walk
    ) -> Maybe:
        terms: list[Maybe] = []
        if tangents[0] is not None:
            slope = self._by_matrix(body, how, args, walk, forward=True)
            along = product("ij,ji->", slope, hermitian(tangents[0], lower=how.lower))
            terms.append(np.real(along) if along.dtype.kind == "c" else along)
        for i, t in enumerate(tangents[1:], 1):
            if t is not None:
                by_number = Graph(body.inputs, tuple(slopes(body, i, walk, forward=True))).closed()
                terms.append(t * self(by_number, how, *args))
        found = total(terms)
        return None if found is None else cast(found, out.dtype)

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], body: Graph, how: How, walk: Walk
    ) -> Sequence[Maybe]:
        results: list[Maybe] = [None] * len(args)
        if wanted[0]:
            slope = np.expand_dims(ct, (-1, -2)) * self._by_matrix(body, how, args, walk, forward=False)
            results[0] = cast(on_triangle(slope, how.lower), args[0].dtype)
        for i in range(1, len(args)):
            if wanted[i]:
                by_number = Graph(body.inputs, tuple(slopes(body, i, walk, forward=False))).closed()
                results[i] = cast(ct * self(by_number, how, *args), args[i].dtype)
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
    from .arithmetic import add, imag, multiply, real
    from .elementwise import Elementwise
    from .structural import broadcast
    from .structural import cast as cast_row

    made: dict[Node, Node] = {}
    others: list[Node] = []

    def number(of: Node) -> Node:
        if of.type.dtype.kind == "c":  # two real numbers, for the function is differentiated by each
            return add.build((number(real.build((of,))), multiply.build((constant(1j), number(imag.build((of,)))))))
        others.append(of)
        return input_node(1, ("number", len(others)), ArrayType((), of.type.dtype))

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
                made[m] = number(inner)
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
