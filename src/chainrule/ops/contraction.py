"""Contractions: one generalised ``einsum`` for every product, sum, diagonal and identity of arrays.

Subscripts are written as NumPy writes them, always with ``->``, and mean more: an index may be
repeated in the output (``i,i->ii`` is a diagonal matrix) and may stand in the output alone
(broadcast; its length is then a parameter, and ``->ii`` is the identity). So the transpose of a
contraction is a contraction: the subscripts of the output and of one operand change places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from string import ascii_letters
from typing import Any

import numpy as np

from ..ir.primitive import Array, Maybe, Primitive
from ..ir.types import ArrayType
from .conform import conform
from .structural import broadcast


def split_subscripts(subscripts: str) -> tuple[list[str], str]:
    """The subscripts of each operand, and of the output."""
    left, _, out = subscripts.partition("->")
    return (left.split(",") if left else []), out


def fresh_letter(used: str) -> str:
    """An index letter that is not in use; beyond the alphabet, the characters after it."""
    for letter in ascii_letters:
        if letter not in used:
            return letter
    code = 0x100
    while chr(code) in used:
        code += 1
    return chr(code)


class Einsum(Primitive):
    """``out[o] = Σ operands``, over all indices that are not in the output.

    ``sizes`` gives the length of each output index that no operand has, as ``(("i", 3), ...)``.
    """

    name = "einsum"
    parameters = ("subscripts", "sizes")
    text = "einsum({subscripts}, {args})"

    @property
    def linear_in(self) -> Any:  # type: ignore[override]
        """Every position, however many."""
        return range(1 << 30)

    def __call__(self, subscripts: str, *operands: Array, sizes: dict[str, int] | None = None) -> Array:
        """Contract; the subscripts must be explicit, without blanks or ellipses."""
        return self.bind(operands, subscripts, tuple(sorted((sizes or {}).items())))

    def build(self, nodes: Any, subscripts: str, sizes: tuple[tuple[str, int], ...]) -> Any:
        dtype = np.result_type(*{n.type.dtype for n in nodes}) if nodes else np.dtype(float)
        nodes = tuple(
            n if n.type.dtype == dtype and not n.type.weak else conform(n, dtype, None) for n in nodes
        )
        return super().build(nodes, subscripts, sizes)

    def infer(self, types: Sequence[ArrayType], subscripts: str, sizes: tuple[tuple[str, int], ...]) -> ArrayType:
        inputs, out = split_subscripts(subscripts)
        lengths = dict(sizes)
        for letters, t in zip(inputs, types, strict=True):
            if len(letters) != t.ndim:
                raise ValueError(f"einsum {subscripts!r}: operand {t} has {t.ndim} axes, not {len(letters)}")
            for letter, length in zip(letters, t.shape, strict=True):
                if lengths.setdefault(letter, length) != length:
                    raise ValueError(f"einsum {subscripts!r}: index {letter} is both {lengths[letter]} and {length}")
        dtype = np.result_type(*{t.dtype for t in types}) if types else np.dtype(float)
        return ArrayType(tuple(lengths[letter] for letter in out), dtype)

    def evaluate(self, arrays: Sequence[Any], subscripts: str, sizes: tuple[tuple[str, int], ...]) -> Any:
        shapes = tuple(np.shape(a) for a in arrays)
        return plan(subscripts, sizes, shapes)(*arrays)

    def evaluator(self, types: Sequence[ArrayType], subscripts: str, sizes: tuple[tuple[str, int], ...]) -> Any:
        return plan(subscripts, sizes, tuple(t.shape for t in types))

    def pullback(
        self,
        out: Array,
        ct: Array,
        args: Sequence[Array],
        wanted: Sequence[bool],
        subscripts: str,
        sizes: tuple[tuple[str, int], ...],
    ) -> Sequence[Maybe]:
        inputs, output = split_subscripts(subscripts)
        results: list[Maybe] = []
        for i, want in enumerate(wanted):
            if not want:
                results.append(None)
                continue
            others = [j for j in range(len(args)) if j != i]
            operands = [ct, *(np.conjugate(args[j]) if args[j].dtype.kind == "c" else args[j] for j in others)]
            left = [output, *(inputs[j] for j in others)]
            known = set("".join(left))
            shape = np.shape(args[i])
            # An index that is summed over in this operand alone comes back as a broadcast.
            free = {c: n for c, n in zip(inputs[i], shape, strict=True) if c not in known}
            if left == [""]:  # a number alone has no subscripts to write: repeat it first
                left = ["".join(free)]
                operands = [broadcast(ct, tuple(free.values()))]
                free = {}
            result = self(f"{','.join(left)}->{inputs[i]}", *operands, sizes=free)
            if result.dtype.kind == "c" and args[i].dtype.kind != "c":
                result = np.real(result)
            results.append(result)
        return results

    def batch(
        self, args: Sequence[Array], batched: Sequence[bool], size: int, subscripts: str, sizes: Any
    ) -> Array:
        inputs, output = split_subscripts(subscripts)
        letter = fresh_letter(subscripts)
        left = [letter + s if b else s for s, b in zip(inputs, batched, strict=True)]
        return self.bind(args, f"{','.join(left)}->{letter}{output}", sizes)

    def dependence(
        self, i: int, types: Sequence[ArrayType], out: ArrayType, subscripts: str, sizes: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        inputs, output = split_subscripts(subscripts)
        lengths = dict(sizes)
        for letters, t in zip(inputs, types, strict=True):
            lengths.update(zip(letters, t.shape, strict=True))
        # Every assignment of lengths to the indices of the output and of operand i is one pair.
        letters = "".join(dict.fromkeys(output + inputs[i]))
        grid = np.indices([lengths[c] for c in letters], sparse=True)
        index = dict(zip(letters, grid, strict=True))

        def flat(subs: str) -> np.ndarray:
            number: Any = np.zeros((1,) * len(letters), np.int64)
            for c in subs:
                number = number * lengths[c] + index[c]
            return np.ravel(np.broadcast_to(number, [lengths[c] for c in letters]))

        rows, columns = flat(output), flat(inputs[i])
        keep = np.ones(len(rows), bool)
        return rows[keep], columns[keep]


einsum = Einsum()


# -- evaluation ------------------------------------------------------------------------------------


def plan(
    subscripts: str, sizes: tuple[tuple[str, int], ...], shapes: tuple[tuple[int, ...], ...]
) -> Callable[..., Any]:
    """A function of the operands. Pairs are contracted by ``matmul`` in the cheapest order."""
    inputs, output = split_subscripts(subscripts)
    lengths = dict(sizes)
    for letters, shape in zip(inputs, shapes, strict=True):
        lengths.update(zip(letters, shape, strict=True))
    present = set("".join(inputs))
    core = "".join(dict.fromkeys(c for c in output if c in present))  # each index once, none absent
    contract = _contraction(inputs, core, lengths)
    if core == output:
        return contract
    return lambda *arrays: _spread_out(contract(*arrays), core, output, lengths)


def _spread_out(x: Any, core: str, output: str, lengths: dict[str, int]) -> Any:
    """Repeat along the absent indices, and put repeated ones on a diagonal."""
    distinct = "".join(dict.fromkeys(output))
    index = tuple(slice(None) if c in core else np.newaxis for c in distinct)
    x = np.transpose(x, [core.index(c) for c in distinct if c in core])[index]
    x = np.broadcast_to(x, [lengths[c] for c in distinct])
    if distinct == output:
        return x
    out = np.zeros([lengths[c] for c in output], x.dtype)
    strides = [sum(out.strides[k] for k, c in enumerate(output) if c == d) for d in distinct]
    diagonal = np.lib.stride_tricks.as_strided(out, x.shape, strides)
    diagonal[...] = x
    return out


def _contraction(inputs: list[str], core: str, lengths: dict[str, int]) -> Callable[..., Any]:
    if not inputs:
        return lambda: np.float64(1.0)
    if len(inputs) == 1:
        return _one(inputs[0], core)
    if len(inputs) == 2:
        return _pair(inputs[0], inputs[1], core)
    import opt_einsum

    shapes = [tuple(lengths[c] for c in s) for s in inputs]
    path, _ = opt_einsum.contract_path(
        f"{','.join(inputs)}->{core}", *shapes, shapes=True, optimize="auto"
    )
    steps = []
    rest = list(inputs)
    for chosen in path:
        chosen = tuple(sorted(chosen, reverse=True))
        picked = [rest.pop(k) for k in chosen]
        needed = set(core).union(*rest)
        out = core if not rest else "".join(dict.fromkeys(c for s in picked for c in s if c in needed))
        steps.append((chosen, _contraction(picked, out, lengths)))
        rest.append(out)

    def run(*arrays: Any) -> Any:
        work = list(arrays)
        for chosen, step in steps:
            work.append(step(*[work.pop(k) for k in chosen]))
        return work[0]

    return run


def _one(letters: str, out: str) -> Callable[..., Any]:
    if len(set(letters)) == len(letters) == len(out):
        axes = [letters.index(c) for c in out]
        return lambda x: np.transpose(x, axes)
    code = f"{_ascii(letters, letters)}->{_ascii(out, letters)}"
    return lambda x: np.einsum(code, x)


def _ascii(letters: str, every: str) -> str:
    """The same subscripts in the letters that NumPy knows."""
    names = {c: ascii_letters[k] for k, c in enumerate(dict.fromkeys(every))}
    return "".join(names[c] for c in letters)


def _pair(left: str, right: str, out: str) -> Callable[..., Any]:
    """Two operands: as one (batched) matrix product, or elementwise if nothing is summed."""
    # First drop what can be summed or taken on the diagonal within one operand.
    reduce_left = "".join(dict.fromkeys(c for c in left if c in right or c in out))
    reduce_right = "".join(dict.fromkeys(c for c in right if c in left or c in out))
    first = None if reduce_left == left else _one(left, reduce_left)
    second = None if reduce_right == right else _one(right, reduce_right)
    a, b = reduce_left, reduce_right
    both = [c for c in a if c in b and c in out]
    summed = [c for c in a if c in b and c not in out]
    only_a = [c for c in a if c not in b]
    only_b = [c for c in b if c not in a]
    result = [*both, *only_a, *only_b]
    final = None if "".join(result) == out else [result.index(c) for c in out]
    if not summed:
        axes_a, axes_b = [a.index(c) for c in [*both, *only_a]], [b.index(c) for c in [*both, *only_b]]
        pad_a = (Ellipsis, *(np.newaxis,) * len(only_b))
        pad_b = (slice(None),) * len(both) + (np.newaxis,) * len(only_a)

        def multiply(x: Any, y: Any) -> Any:
            x = x if first is None else first(x)
            y = y if second is None else second(y)
            product = np.transpose(x, axes_a)[pad_a] * np.transpose(y, axes_b)[pad_b]
            return product if final is None else np.transpose(product, final)

        return multiply
    order_a = [a.index(c) for c in [*both, *only_a, *summed]]
    order_b = [b.index(c) for c in [*both, *summed, *only_b]]
    batch, rows = len(both), len(only_a)
    simple = batch == 0 and len(summed) == 1 and rows <= 1 and len(only_b) <= 1

    def contract(x: Any, y: Any) -> Any:
        x = x if first is None else first(x)
        y = y if second is None else second(y)
        x, y = np.transpose(x, order_a), np.transpose(y, order_b)
        if simple:
            product = np.dot(x, y)
        else:
            lead = x.shape[:batch]
            shape_a, shape_b = x.shape[batch : batch + rows], y.shape[batch + len(summed) :]
            inner = int(np.prod(x.shape[batch + rows :]))
            x = x.reshape(*lead, int(np.prod(shape_a)), inner)
            y = y.reshape(*lead, inner, int(np.prod(shape_b)))
            product = np.matmul(x, y).reshape(lead + shape_a + shape_b)
        return product if final is None else np.transpose(product, final)

    return contract
