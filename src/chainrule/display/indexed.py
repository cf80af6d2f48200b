"""Index notation as source.

Where nothing is summed factors are broadcast; ``@`` and ``np.sum`` stand where they say it, and
``np.einsum`` for the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .code import ATOM, TERM, UNARY, Code, Program, full, wrapped
from .layout import Layout


class _Operand(NamedTuple):
    """A factor, and the letters of its axes; those it lacks are left out where that can be."""

    letters: str
    code: Code
    layout: Layout


def indexed(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    """A product of factors with indices, summed over those that the result does not have."""
    data = x.data
    operands = [
        _Operand(letters, code, layout)
        for letters, code, layout in zip(data.factors, parts, x.children, strict=True)
    ]
    lengths = dict(data.lengths)
    for a, b in data.equal:
        eye = Code(f"np.eye({program.size(lengths[a])})", ATOM)
        operands.append(_Operand(a + b, eye, Layout(x.kind, (), (lengths[a], lengths[b]))))
    if not operands:
        return Code("1", ATOM, frozenset(range(x.rank)))
    if all(len(set(letters)) == len(letters) for letters in (data.out, *(o.letters for o in operands))):
        inner = {c for o in operands for c in o.letters} - set(data.out)
        if not inner and (len(data.out) <= 3 or len(operands) == 1):
            return _spread(data.out, operands, program)
        if inner and len(operands) == 1:
            return _summed(data.out, operands[0], program)
        found = _matmul(data.out, operands, program) if inner and len(operands) == 2 else None
        if found is not None:
            return found
    return _einsum(data.out, operands, x, program)


def _spread(out: str, operands: Sequence[_Operand], program: Program) -> Code:
    """Nothing is summed: every factor gets axes of length 1 where it has none."""
    missing = frozenset(range(len(out)))
    pieces = []
    for o in operands:
        pieces.append(_placed(out, o, program))
        missing -= frozenset(out.index(c) for c in o.letters)
    text = " * ".join(wrapped(p, TERM if not k else UNARY) for k, p in enumerate(pieces))
    return Code(text, pieces[0].hold if len(pieces) == 1 else TERM, missing)


def _placed(out: str, o: _Operand, program: Program) -> Code:
    """One factor with its axes in their places: ``X[:, None]`` for ``X_ik`` in ``ijk``."""
    code = o.code if o.code.full else Code(full(o.code, o.layout, program), ATOM)
    order = sorted(o.letters, key=out.index)
    if order != list(o.letters):
        code = _turned(o.letters, order, code)
    first = out.index(order[0])
    if len(order) == len(out) - first:  # what comes before is repeated anyway
        return code
    marks = [":" if c in order else "None" for c in out[first:]]
    while marks[-1] == ":" and len(marks) > 1:
        marks.pop()
    return Code(f"{wrapped(code, ATOM)}[{', '.join(marks)}]", ATOM)


def _turned(letters: str, order: Sequence[str], code: Code) -> Code:
    if len(letters) == 2:
        return Code(wrapped(code, ATOM) + ".T", ATOM)
    axes = tuple(letters.index(c) for c in order)
    return Code(f"np.transpose({code.text}, {axes})", ATOM)


def _summed(out: str, o: _Operand, program: Program) -> Code:
    """One factor: a sum over some of its axes."""
    axes = [k - len(o.letters) for k, c in enumerate(o.letters) if c not in out]
    axis = str(axes[0]) if len(axes) == 1 else str(tuple(axes))
    total = Code(f"np.sum({full(o.code, o.layout, program)}, axis={axis})", ATOM)
    return _spread(out, [_kept(out, o, total)], program)


def _kept(out: str, o: _Operand, code: Code) -> _Operand:
    """What is left of a factor that was summed over the indices that the result lacks."""
    pairs = [(c, a) for c, a in zip(o.letters, o.layout.axes, strict=True) if c in out]
    axes = tuple(a for _, a in pairs)
    return _Operand("".join(c for c, _ in pairs), code, Layout(o.layout.kind, (), axes))


def _matmul(out: str, operands: Sequence[_Operand], program: Program) -> Code | None:
    """Matrices in a stack: the last two axes are multiplied, those before go together."""
    for left, right in (operands, operands[::-1]):
        shared = set(left.letters) & set(right.letters)
        summed = [c for c in shared if c not in out]
        if len(out) < 3 or len(summed) != 1 or {*left.letters, *right.letters} != {*out, *summed}:
            continue
        stack, row, column, inner = out[:-2], out[-2], out[-1], summed[0]
        ends = (stack + row + inner, stack + inner + column)
        texts = []
        for o, wanted in zip((left, right), ends, strict=True):
            if set(o.letters) - set(wanted) or wanted[-2:] not in (o.letters[-2:], o.letters[:-3:-1]):
                break
            before = o.letters[:-2]
            if before and before != stack:
                break
            code = Code(full(o.code, o.layout, program), o.code.hold if o.code.full else ATOM)
            if o.letters[-2:] != wanted[-2:]:
                flat = len(o.letters) == 2
                text = wrapped(code, ATOM) + ".T" if flat else f"np.swapaxes({code.text}, -1, -2)"
                code = Code(text, ATOM)
            texts.append(wrapped(code, UNARY))
        else:
            if any(o.letters[:-2] for o in (left, right)):
                return Code(" @ ".join(texts), TERM)
    return None


def _einsum(out: str, operands: Sequence[_Operand], x: Layout, program: Program) -> Code:
    """``np.einsum``; what repeats along an index of the result has a factor of ones."""
    lengths = dict(x.data.lengths)
    plain = iter("ijklmnpqrstuvwabcdefgh")
    names = {letter: next(plain) for letter, _ in x.data.lengths}
    texts = [full(o.code, o.layout, program) for o in operands]
    subscripts = ["".join(names[c] for c in o.letters) for o in operands]
    present = set("".join(subscripts))
    repeated = [c for c in out if names[c] not in present]
    if repeated and len(set(out)) == len(out):
        kept = "".join(c for c in out if c not in repeated)
        inner = Code(_call(subscripts, "".join(names[c] for c in kept), texts), ATOM)
        if not kept:
            return inner._replace(missing=frozenset(range(len(out))))
        return _spread(out, [_Operand(kept, inner, x)], program)
    for c in repeated:
        texts.append(f"np.ones({program.size(lengths[c])})")
        subscripts.append(names[c])
    return Code(_call(subscripts, "".join(names[c] for c in out), texts), ATOM)


def _call(subscripts: Sequence[str], out: str, texts: Sequence[str]) -> str:
    order = ", optimize=True" if len(texts) > 2 else ""
    return f"np.einsum('{','.join(subscripts)}->{out}', {', '.join(texts)}{order})"
