"""Contractions in normal form: what only renames, repeats or scales is taken out of ``einsum``.

A transpose, a broadcast, a diagonal and the identity are nothing but names of indices, so they
dissolve into the subscripts of the contraction that reads them: ``X I Xᵀ`` becomes ``X Xᵀ``, and
the identity that seeds a Jacobian is gone before it was ever an array of numbers.

A contraction that still puts its result on a diagonal is kept as one operand that does nothing
else, ``i->ii``: see :mod:`chainrule.simplify.spreading`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from string import ascii_letters

import numpy as np

from ..ir.node import CONSTANT, Node, constant, node
from ..ops import arithmetic as ar
from ..ops.contraction import einsum, fresh_letter, split_subscripts
from ..ops.structural import broadcast, reduce_sum, transpose
from .pattern import Algorithm, algorithm, is_number, spread


@dataclass
class Contraction:
    """A contraction being rewritten: operands with their indices, the indices of the result."""

    operands: list[tuple[Node, str]]
    out: str
    lengths: dict[str, int]

    @classmethod
    def of(cls, n: Node) -> Contraction:
        """Read an ``einsum`` node."""
        subscripts, sizes = n.params
        inputs, out = split_subscripts(subscripts)
        lengths = dict(sizes)
        for arg, letters in zip(n.args, inputs, strict=True):
            lengths.update(zip(letters, arg.type.shape, strict=True))
        return cls(list(zip(n.args, inputs, strict=True)), out, lengths)

    def rename(self, old: str, new: str) -> None:
        """One index takes the place of another."""
        if old != new:
            self.operands = [(x, letters.replace(old, new)) for x, letters in self.operands]
            self.out = self.out.replace(old, new)

    def fresh(self, length: int) -> str:
        """An index of its own."""
        letter = fresh_letter("".join(self.lengths))
        self.lengths[letter] = length
        return letter

    @property
    def present(self) -> set[str]:
        """The indices that some operand has."""
        return {c for _, letters in self.operands for c in letters}

    def size(self, letters: str) -> int:
        """The number of elements over the distinct indices ``letters``."""
        return prod(self.lengths[c] for c in set(letters))

    def node(self, dtype: np.dtype, factors: Sequence[Node] = ()) -> Node:
        """The contraction times scalar ``factors`` as a node, in the plainest form that it has."""
        present = self.present
        out = self.out
        core = "".join(dict.fromkeys(c for c in out if c in present))
        x, *rest = factors if factors and not self.operands else [self._core(core, dtype), *factors]
        for factor in rest:
            x = node(ar.multiply, (x, spread(factor, x.type.shape, ())))
        if core == out:
            return x
        if len(set(out)) == len(out):  # what is in no operand is repeated
            axes = tuple(out.index(c) - len(out) for c in core)
            return spread(x, tuple(self.lengths[c] for c in out), axes)
        sizes = {c: self.lengths[c] for c in out if c not in core}
        if not core:
            if x.op is CONSTANT and dtype.char == "d" and is_number(x, 1):
                return _einsum([], out, sizes)
            core = out[0]
            x = spread(x, (sizes.pop(core),), ())
        return _einsum([(x, core)], out, sizes)

    def _core(self, out: str, dtype: np.dtype) -> Node:
        """The contraction to indices that the operands have, each once."""
        if not self.operands:
            return constant(dtype.type(1))
        if len(self.operands) == 1:
            ((x, letters),) = self.operands
            if len(set(letters)) == len(letters):
                return _moved(x, letters, out)
        elif all(len(set(s)) == len(s) and set(s) <= set(out) for _, s in self.operands):
            shape = tuple(self.lengths[c] for c in out)
            total, *rest = (
                spread(x, shape, tuple(out.index(c) - len(out) for c in s))
                for x, s in self.operands
            )
            for x in rest:
                total = node(ar.multiply, (total, x))
            return total
        return _einsum(self.operands, out, {})


def _einsum(operands: Sequence[tuple[Node, str]], out: str, sizes: dict[str, int]) -> Node:
    """The node, its indices named in order of appearance so that equal ones are the same."""
    inputs = ",".join(letters for _, letters in operands)
    names = {c: _LETTERS[k] for k, c in enumerate(dict.fromkeys(inputs.replace(",", "") + out))}
    subscripts = "".join(names.get(c, c) for c in f"{inputs}->{out}")
    lengths = tuple(sorted((names[c], k) for c, k in sizes.items()))
    return node(einsum, tuple(x for x, _ in operands), (subscripts, lengths))


_LETTERS = ascii_letters + "".join(map(chr, range(0x100, 0x180)))


def _moved(x: Node, letters: str, out: str) -> Node:
    """A sum over some axes of ``x`` and a permutation of the others."""
    summed = tuple(k - len(letters) for k, c in enumerate(letters) if c not in out)
    if summed:
        x = node(reduce_sum, (x,), (summed,))
        letters = "".join(c for c in letters if c in out)
    if letters == out:
        return x
    return node(transpose, (x,), (tuple(letters.index(c) - len(letters) for c in out),))


def _renaming(x: Node) -> Contraction | None:
    """``x`` as a contraction that only renames its one operand, or none: nothing is summed."""
    if x.op is not einsum or len(x.args) > 1:
        return None
    inner = Contraction.of(x)
    for _, letters in inner.operands:
        if not set(letters) <= set(inner.out) or len(set(letters)) < len(letters):
            return None
    return inner


@algorithm(einsum)
def what_only_renames_dissolves(n: Node) -> Node | None:
    """Transposes, broadcasts, diagonals and identities among the operands become index names."""
    c = Contraction.of(n)
    alive = c.present
    factors: list[Node] = []
    done = 0
    while done < len(c.operands):
        x, letters = c.operands[done]
        inner = None
        if x.op is transpose:
            axes = x.params[0]
            source = list(letters)
            for k, a in enumerate(axes, len(letters) - len(axes)):
                source[a] = letters[k]
            c.operands[done] = (x.args[0], "".join(source))
        elif x.op is broadcast:
            c.operands[done] = (x.args[0], "".join(letters[a] for a in x.params[1]))
        elif not letters:
            del c.operands[done]
            if x.op is not CONSTANT or not is_number(x, 1):
                factors.append(x)
        elif (inner := _renaming(x)) is not None:
            names: dict[str, str] = {}
            for k, theirs in enumerate(inner.out):
                ours = letters[k]  # as it is called by now
                kept = names.setdefault(theirs, ours)
                if kept != ours:  # the same index under two names
                    c.rename(ours, kept)
                    alive.discard(ours)
                    names = {t: kept if o == ours else o for t, o in names.items()}
                    letters = letters.replace(ours, kept)
            replaced = [(y, "".join(names[t] for t in s)) for y, s in inner.operands]
            c.operands[done : done + 1] = replaced
        else:
            done += 1
    # An index that is summed over and that nothing depends on counts its length.
    counted = sorted(alive.difference(c.out, c.present))
    factors.extend(constant(n.type.dtype.type(c.lengths[letter])) for letter in counted)
    return c.node(n.type.dtype, factors)


@algorithm(einsum)
def a_factor_of_the_result_is_pulled_out(n: Node) -> Node | None:
    """A factor, or a sign, of all that is summed multiplies the result, where that is smaller."""
    c = Contraction.of(n)
    if len(set(c.out)) < len(c.out):
        return None
    for k, (x, letters) in enumerate(c.operands):
        if c.size(c.out) >= c.size(letters) or len(set(letters)) < len(letters):
            continue
        if x.op is ar.negative:
            c.operands[k] = (x.args[0], letters)
            return node(ar.negative, (c.node(n.type.dtype),))
        if x.op is not ar.multiply and x.op is not ar.divide:
            continue
        for i, factor in enumerate(x.args):
            if factor.op is not broadcast or (x.op is ar.divide and not i):
                continue
            own = "".join(letters[a] for a in factor.params[1])
            if set(own) <= set(c.out):
                c.operands[k] = (x.args[1 - i], letters)
                axes = tuple(c.out.index(a) - len(c.out) for a in own)
                scale = spread(factor.args[0], n.type.shape, axes)
                return node(x.op, (c.node(n.type.dtype), scale))
    return None


@algorithm(transpose, heads={0: (einsum,)})
def a_transpose_of_a_contraction(n: Node) -> Node | None:
    """The result's indices are written in another order."""
    (x,) = n.args
    if x.op is not einsum:
        return None
    subscripts, sizes = x.params
    left, _, out = subscripts.partition("->")
    axes = n.params[0]
    lead = out[: len(out) - len(axes)]
    order = "".join(out[a] for a in axes)
    return _settled(node(einsum, x.args, (f"{left}->{lead}{order}", sizes)))


def _settled(n: Node) -> Node:
    """A contraction made anew, in normal form at once."""
    return (what_only_renames_dissolves.function(n) or n) if n.op is einsum else n


@algorithm(broadcast)
def a_broadcast_of_a_diagonal(n: Node) -> Node | None:
    """More indices that are in no operand."""
    (x,) = n.args
    if x.op is not einsum or _renaming(x) is None:
        return None
    c = Contraction.of(x)
    shape, axes = n.params
    out: list[str | None] = [None] * len(shape)
    for letter, a in zip(c.out, axes, strict=True):
        out[a] = letter
    c.out = "".join(c.fresh(shape[k]) if s is None else s for k, s in enumerate(out))
    return _settled(c.node(n.type.dtype))


@algorithm(reduce_sum, heads={0: (einsum,)})
def a_sum_of_a_diagonal(n: Node) -> Node | None:
    """Along one axis of a diagonal matrix there is one element that is not 0."""
    (x,) = n.args
    if x.op is not einsum or _renaming(x) is None or x.type.dtype != n.type.dtype:
        return None
    return _summed(Contraction.of(x), n)


@algorithm(reduce_sum)
def a_sum_of_what_is_repeated(n: Node) -> Node | None:
    """What is repeated and summed is multiplied by how often."""
    (x,) = n.args
    if x.op is not broadcast or n.type.dtype.kind not in "fc":
        return None
    letters = ""
    lengths = {}
    for length in x.type.shape:
        letters += (letter := fresh_letter(letters))
        lengths[letter] = length
    source = "".join(letters[a] for a in x.params[1])
    return _summed(Contraction([(x.args[0], source)], letters, lengths), n)


def _summed(c: Contraction, n: Node) -> Node:
    """A contraction that sums nothing, summed over the axes of ``n``."""
    axes = n.params[0]
    before = set(c.out)
    c.out = "".join(letter for k, letter in enumerate(c.out, -len(c.out)) if k not in axes)
    gone = sorted(before.difference(c.out, c.present))
    return _settled(c.node(n.type.dtype, [constant(n.type.dtype.type(c.lengths[g])) for g in gone]))


CONTRACTIONS: tuple[Algorithm, ...] = (
    what_only_renames_dissolves,
    a_factor_of_the_result_is_pulled_out,
    a_transpose_of_a_contraction,
    a_broadcast_of_a_diagonal,
    a_sum_of_a_diagonal,
    a_sum_of_what_is_repeated,
)
