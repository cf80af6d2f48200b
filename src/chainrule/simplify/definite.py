"""Definiteness by structure: ``Xᵀ diag(w) X`` is positive semi-definite where ``w`` is not negative.

A monomial with a left and a right half of its indices is semi-definite if it is its own mirror
image, ``Σ w(p) L(i, p) L(j, p)``, with weights that have a sign, and perhaps with semi-definite
matrices across the middle. The mirror is an involution of the indices: it is searched for, factor
by factor, and whatever the number of axes, Gram matrices, outer products, diagonals, identities and
Kronecker products are all found by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ..ir.node import Node
from ..ops.monomial import INVERSE, MONOMIAL, TOTAL, Factor, Term, decode
from .bounds import NONE, Hypotheses, Hypothesis, Signs

Mirror = dict[int, int]
#: A mirror, and for each factor the position of its image.
Reflection = tuple[Mirror, dict[int, int]]


def reflections(
    term: Term, given: Mapping[int, int], symmetric: Mapping[Node, Hypotheses]
) -> Iterator[Reflection]:
    """The involutions of the indices that extend ``given`` and leave the monomial as it is."""
    mirror: Mirror = {}
    for i, j in given.items():
        mirror[i], mirror[j] = j, i
    yield from _extended(term.factors, mirror, {}, symmetric)


def _extended(
    factors: Sequence[Factor],
    mirror: Mirror,
    images: dict[int, int],
    symmetric: Mapping[Node, Hypotheses],
) -> Iterator[Reflection]:
    k = next((k for k in range(len(factors)) if k not in images), None)
    if k is None:
        yield mirror, images
        return
    f = factors[k]
    for m, g in enumerate(factors):
        if m in images or g.node is not f.node or g.exponent != f.exponent:
            continue
        ways = [g.indices]
        if f.node in symmetric and len(g.indices) == 2 and g.indices[0] != g.indices[1]:
            ways.append(g.indices[::-1])
        for way in ways:
            made = _joined(mirror, f.indices, way)
            if made is not None:
                yield from _extended(factors, made, {**images, k: m, m: k}, symmetric)


def _joined(mirror: Mirror, first: Sequence[int], second: Sequence[int]) -> Mirror | None:
    made = dict(mirror)
    for i, j in zip(first, second, strict=True):
        if made.setdefault(i, j) != j or made.setdefault(j, i) != i:
            return None
    return made


def halves(
    term: Term, mirror: Mirror, images: dict[int, int]
) -> tuple[list[int], list[int]] | None:
    """The factors on the mirror, by position: weights, and matrices across it.

    ``None`` if the two sides are tied together elsewhere, so that it is no Gram form.
    """
    parent = {i: i for i in mirror if mirror[i] != i}

    def find(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    weights, across = [], []
    for k, f in enumerate(term.factors):
        moving = [i for i in f.indices if i in parent]
        if images[k] == k:
            if not moving:
                weights.append(k)
                continue
            if len(f.indices) == 2 and mirror[f.indices[0]] == f.indices[1]:
                across.append(k)
                continue
            return None
        for i in moving[1:]:
            parent[find(i)] = find(moving[0])
    if any(find(i) == find(mirror[i]) for i in parent):
        return None
    n = len(term.out) // 2
    left = {find(i) for i in term.out[:n] if i in parent}
    right = {find(i) for i in term.out[n:] if i in parent}
    return None if left & right else (weights, across)


class Definiteness:
    """Proofs that matrices are semi-definite, or symmetric."""

    def __init__(self, signs: Signs) -> None:
        self.signs = signs
        #: Nodes taken to be symmetric and positive definite, and what for.
        self.positive: dict[Node, Hypotheses] = {}
        self._symmetric: dict[Node, Hypotheses | None] = {}

    # -- symmetric -------------------------------------------------------------------------------

    def symmetric(self, n: Node) -> Hypotheses | None:
        """What it takes for a matrix to be its own transpose; ``None`` if it may not be."""
        if n not in self._symmetric:
            self._symmetric[n] = self._is_symmetric(n)
        return self._symmetric[n]

    def take_symmetric(self, variable: Node) -> None:
        """Take a variable to be symmetric, which then is a hypothesis of what follows from it."""
        self._symmetric = {n: found for n, found in self._symmetric.items() if found is not None}
        self._symmetric[variable] = frozenset([Hypothesis(variable, "symmetric", "domain")])

    def _is_symmetric(self, n: Node) -> Hypotheses | None:
        axes = self.signs.algebra.axes(n)
        if len(axes) != 2 or axes[0].length != axes[1].length:
            return None
        if n in self.signs.algebra.symmetric:
            return frozenset([Hypothesis(n, "symmetric", "declared")]) if not n.args else NONE
        if n in self.positive:
            return self.positive[n]
        if n.op is TOTAL:
            parts = [self.symmetric(a) for a in n.args]
            if all(p is not None for p in parts):
                return frozenset().union(*(p for p in parts if p is not None))
        if n.op is INVERSE:
            return self.symmetric(n.args[0])
        if n.op is MONOMIAL:
            term = decode(n)
            known = self._matrices(term)
            swap = dict(zip(term.out[:1], term.out[1:], strict=True))
            if next(reflections(term, swap, known), None) is not None:
                return frozenset().union(NONE, *known.values())
        if not self.signs.varies(n):
            value = self.signs.here(n)
            if value is not None and np.array_equal(value, value.T):
                return frozenset([Hypothesis(n, "symmetric", "data")])
        return None

    def _matrices(self, term: Term) -> dict[Node, Hypotheses]:
        known = {}
        for f in term.factors:
            if len(f.indices) == 2 and f.node not in known and f.exponent == 1:
                found = self.symmetric(f.node)
                if found is not None:
                    known[f.node] = found
        return known

    # -- semi-definite ---------------------------------------------------------------------------

    def semidefinite(self, n: Node) -> Hypotheses | None:
        """What it takes for a matrix, or for a map of arrays to arrays, to be ⪰ 0."""
        return self.signed(n, 1)

    def signed(self, n: Node, sign: int) -> Hypotheses | None:
        """What it takes for ``sign`` times a matrix to be ⪰ 0; its axes are two equal halves."""
        if sign > 0 and n in self.positive:
            return self.positive[n]
        if n.op is TOTAL:
            used: set[Hypothesis] = set()
            for part in n.args:
                found = self.signed(part, sign)
                if found is None:
                    break
                used |= found
            else:
                return frozenset(used)
        elif n.op is INVERSE and len(n.type.shape) == 2:
            return self.signed(n.args[0], sign)
        elif n.op is MONOMIAL:
            term = decode(n)
            k = len(term.out) // 2
            swap = dict(zip(term.out[:k], term.out[k:], strict=True))
            found = self.mirrored(term, swap, sign) if self._consistent(swap) else None
            if found is not None:
                return found
        if not self.signs.varies(n) and len(n.type.shape) == 2:
            return self._read(n, sign)
        return None

    @staticmethod
    def _consistent(swap: Mapping[int, int]) -> bool:
        return all(swap.get(j, i) == i for i, j in swap.items()) and len(set(swap.values())) == len(
            swap
        )

    def _read(self, n: Node, sign: int) -> Hypotheses | None:
        value = self.signs.here(n)
        if value is None or value.dtype.kind != "f" or not np.isfinite(value).all():
            return None
        if value.shape[0] != value.shape[1] or not np.array_equal(value, value.T):
            return None
        eigenvalues = sign * np.linalg.eigvalsh(value) if value.size else np.zeros(1)
        low, size = float(eigenvalues.min()), float(np.abs(eigenvalues).max())
        if low < -1e-13 * size:
            return None
        definite = low > 1e-12 * size
        relation = ("≻ 0" if definite else "⪰ 0") if sign > 0 else ("≺ 0" if definite else "⪯ 0")
        return frozenset([Hypothesis(n, relation, "data", sign * low)])

    def mirrored(
        self,
        term: Term,
        swap: Mapping[int, int],
        sign: int,
        swapped: Sequence[int] = (),
        given: Mapping[Node, Hypotheses] | None = None,
    ) -> Hypotheses | None:
        """What it takes for ``sign`` times a monomial to be a Gram form under a mirror.

        ``swapped`` are positions of factors that must not lie on the mirror, and ``given`` nodes
        that are taken to be positive definite.
        """
        given = given or {}
        known = {**self._matrices(term), **given}
        for mirror, images in reflections(term, swap, known):
            if any(images[k] == k for k in swapped):
                continue
            parts = halves(term, mirror, images)
            if parts is None:
                continue
            weights, across = parts
            found = self.signs.signed(term.coefficient, [term.factors[k] for k in weights])
            if found is None or found[0] != sign:
                continue
            used = set(found[1]).union(*known.values())
            for k in across:
                f = term.factors[k]
                proof = given.get(f.node) if f.node in given else self.semidefinite(f.node)
                if proof is None or f.exponent != 1:
                    break
                used |= proof
            else:
                return frozenset(used)
        return None
