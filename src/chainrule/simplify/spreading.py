"""Elementwise arithmetic done on what is repeated, before it is repeated.

A broadcast and a diagonal matrix say the same: these elements, in those places. Arithmetic on
them is arithmetic on the elements, and then the same places::

    broadcast(s) · broadcast(t)      is   broadcast(s · t)
    diag(u) · broadcast(v, rows)     is   diag(u · v)

What lies off a diagonal is zero by structure, not by value: whatever it is multiplied with, even
infinity, it stays zero, as the derivative rules promise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from ..ir.node import CONSTANT, Node, constant, node
from ..ops import PRIMITIVES
from ..ops import arithmetic as ar
from ..ops.contraction import einsum, fresh_letter, split_subscripts
from ..ops.elementwise import Elementwise, gate, where
from ..ops.structural import broadcast, cast, place, slice_
from .contractions import Contraction
from .pattern import Algorithm, algorithm, peeled, spread

_ROWS = tuple(p for p in PRIMITIVES if isinstance(p, Elementwise))
#: Zero where all of their arguments are.
_JOINT = frozenset({ar.add, ar.subtract})


@dataclass
class _View:
    """An argument as elements in places: which axis of ``core`` each index of the result reads."""

    core: Node
    #: The place in the result, as an index into its shape, of each axis of the core.
    axes: tuple[int, ...]
    #: Groups of places that must be equal: off them it is zero.
    tied: tuple[tuple[int, ...], ...] = ()


def _view(n: Node) -> _View:
    ndim = n.type.ndim
    if n.op is broadcast:
        return _View(n.args[0], tuple(a + ndim for a in n.params[1]))
    if is_diagonal(n):
        inputs, out = split_subscripts(n.params[0])
        tied = tuple(
            tuple(k for k, c in enumerate(out) if c == letter)
            for letter in dict.fromkeys(out)
            if out.count(letter) > 1
        )
        if not n.args:
            return _View(constant(n.type.dtype.type(1)), (), tied)
        return _View(n.args[0], tuple(out.index(c) for c in inputs[0]), tied)
    return _View(n, tuple(range(ndim)))


def is_diagonal(n: Node) -> bool:
    """Whether ``n`` only puts its operand, if any, on a diagonal."""
    if n.op is not einsum or len(n.args) > 1:
        return False
    inputs, out = split_subscripts(n.params[0])
    return len(set(out)) < len(out) and all(
        set(s) <= set(out) and len(set(s)) == len(s) for s in inputs
    )


@algorithm(*_ROWS, cast, of_arrays=True)
def arithmetic_before_spreading(n: Node) -> Node | None:
    """Arithmetic on broadcasts and diagonals is done on their elements."""
    diagonal = []
    repeats = everywhere = False
    for k, a in enumerate(n.args):
        if a.op is broadcast:
            repeats = True
        elif a.op is einsum and is_diagonal(a):
            diagonal.append(k)
        else:
            everywhere = True
    if diagonal:
        if not _keeps_zero(n, diagonal):
            return None
    elif everywhere or not repeats:  # there is an element for each of the result's
        return None
    shape = n.type.shape
    views = [_view(a) for a in n.args]
    place_of = list(range(len(shape)))  # the first of the places that a place is tied to
    for view in views:
        for group in view.tied:
            first = min(place_of[k] for k in group)
            merged = {place_of[k] for k in group}
            place_of = [first if p in merged else p for p in place_of]
    if n.op in _JOINT and diagonal and len({v.tied for v in views}) > 1:
        return None
    needed = sorted({place_of[a] for view in views for a in view.axes})
    if prod(shape[p] for p in needed) >= n.type.size:
        return None
    inner = tuple(shape[p] for p in needed)
    args = [_restricted(v, place_of, needed, inner) for v in views]
    made = node(n.op, tuple(args), n.params, n.type.with_shape(inner))
    if not diagonal:
        return spread(made, shape, tuple(p - len(shape) for p in needed))
    letters: dict[int, str] = {}
    for p in place_of:
        letters.setdefault(p, fresh_letter("".join(letters.values())))
    c = Contraction(
        [(made, "".join(letters[p] for p in needed))],
        "".join(letters[p] for p in place_of),
        {letters[p]: shape[p] for p in place_of},
    )
    return c.node(n.type.dtype)


def _keeps_zero(n: Node, diagonal: Sequence[int]) -> bool:
    """Whether the result is zero wherever the arguments ``diagonal`` are, by structure."""
    if n.op is cast:
        return n.type.dtype.kind in "fc"
    if n.op in _JOINT:
        return len(diagonal) == len(n.args)
    if n.op is gate:
        return True
    if n.op is where:
        return len(diagonal) == 1 and _is_zero(n.args[3 - diagonal[0]])
    return any(k in n.op.linear_in for k in diagonal)


def _is_zero(n: Node) -> bool:
    n = peeled(n)
    return n.op is CONSTANT and not n.params[0].array.any()


def _restricted(
    view: _View, place_of: list[int], needed: list[int], inner: tuple[int, ...]
) -> Node:
    """An argument at the ``needed`` places alone."""
    core = view.core
    axes = [place_of[a] for a in view.axes]
    kept = sorted(set(axes))
    if axes != kept:  # read on a diagonal, or in another order
        letters = {p: chr(ord("a") + k) for k, p in enumerate(kept)}
        c = Contraction(
            [(core, "".join(letters[p] for p in axes))],
            "".join(letters.values()),
            {letters[p]: k for p, k in zip(axes, core.type.shape, strict=True)},
        )
        core = c.node(core.type.dtype)
    return spread(core, inner, tuple(needed.index(p) - len(needed) for p in kept))


def spread_elements(n: Node, *others: Node) -> int:
    """How many elements arithmetic on these would have, done before they are repeated."""
    shape = n.type.shape
    needed: set[int] = set()
    for x in (n, *others):
        if x.op is not broadcast:
            return int(n.type.size)
        needed.update(x.params[1])
    return int(prod(shape[a] for a in needed))


@algorithm(ar.multiply, ar.divide, of_arrays=True)
def factors_are_gathered(n: Node) -> Node | None:
    """``(t · u) · v`` with small ``u`` and ``v`` that are repeated: these are multiplied first."""
    for product, v in (n.args, n.args[::-1]) if n.op is ar.multiply else (n.args,):
        if v.op is not broadcast or product.op is not ar.multiply:
            continue
        for t, u in (product.args, product.args[::-1]):
            if u.op is broadcast and t.op is not broadcast and spread_elements(u, v) < n.type.size:
                return node(ar.multiply, (t, _early(node(n.op, (u, v), (), n.type))))
    return None


def _early(n: Node) -> Node:
    """Arithmetic on what is repeated, done before it is."""
    return arithmetic_before_spreading.function(n) or n


@algorithm(ar.negative, of_arrays=True)
def a_sign_goes_to_the_smaller_factor(n: Node) -> Node | None:
    """``−(t · u)`` with a small ``u`` that is repeated is ``t · (−u)``."""
    (product,) = n.args
    if product.op is not ar.multiply:
        return None
    for t, u in (product.args, product.args[::-1]):
        if u.op is broadcast and t.op is not broadcast and spread_elements(u) < n.type.size:
            return node(ar.multiply, (t, _early(node(ar.negative, (u,)))))
    return None


@algorithm(ar.add, ar.subtract, of_arrays=True)
def a_shared_factor_is_taken_out(n: Node) -> Node | None:
    """``t · u + t · v`` with small ``u`` and ``v`` that are repeated is ``t · (u + v)``."""
    left, right = n.args
    if left.op is not ar.multiply or right.op is not ar.multiply:
        return None
    for t, u in (left.args, left.args[::-1]):
        for s, v in (right.args, right.args[::-1]):
            if s is t and t.op is not broadcast and spread_elements(u, v) < n.type.size:
                return node(ar.multiply, (t, _early(node(n.op, (u, v), (), n.type))))
    return None


@algorithm(ar.multiply, ar.divide, ar.negative, gate, of_arrays=True)
def arithmetic_before_embedding(n: Node) -> Node | None:
    """What is put into zeros is multiplied before it is put there."""
    for k, x in enumerate(n.args):
        if x.op is place and len(x.args) == 1 and k in n.op.linear_in:
            (piece,) = x.args
            ((index,),) = (x.params[1],)
            if piece.type.size >= n.type.size or x.type.ndim != len(index):
                return None
            args = [piece if a is x else node(slice_, (a,), (index,)) for a in n.args]
            made = node(n.op, tuple(args), n.params, n.type.with_shape(piece.type.shape))
            return node(place, (made,), x.params)
    return None


@algorithm(slice_, heads={0: (einsum,)})
def a_row_of_a_diagonal(n: Node) -> Node | None:
    """One row of a diagonal matrix is one element, put into zeros."""
    (x,) = n.args
    if not is_diagonal(x):
        return None
    out = split_subscripts(x.params[0])[1]
    (index,) = n.params
    index = tuple((0, k, 1) for k in x.type.shape[: x.type.ndim - len(index)]) + index
    picked = [k for k, e in enumerate(index) if e != (0, x.type.shape[k], 1)]
    if len(picked) != 1 or not isinstance(index[picked[0]], int):
        return None
    letter = out[picked[0]]
    if out.count(letter) != 2:
        return None
    number = index[picked[0]]
    c = Contraction.of(x)
    c.out = "".join(s for s in out if s != letter)
    c.operands = [_at(operand, s, letter, number) for operand, s in c.operands]
    piece = c.node(n.type.dtype)
    left = out[: picked[0]] + out[picked[0] + 1 :]
    where_to = tuple(number if s == letter else (0, c.lengths[s], 1) for s in left)
    return node(place, (piece,), (n.type.shape, (where_to,)))


def _at(x: Node, letters: str, letter: str, number: int) -> tuple[Node, str]:
    """``x`` with one index fixed."""
    if letter not in letters:
        return x, letters
    index = tuple(
        number if s == letter else (0, k, 1) for s, k in zip(letters, x.type.shape, strict=True)
    )
    return node(slice_, (x,), (index,)), letters.replace(letter, "")


SPREADING: tuple[Algorithm, ...] = (
    arithmetic_before_spreading,
    factors_are_gathered,
    a_sign_goes_to_the_smaller_factor,
    a_shared_factor_is_taken_out,
    arithmetic_before_embedding,
    a_row_of_a_diagonal,
)
