"""Sizes of a derivation: the axes that a derivative has by nature, and other sizes to try it on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ChainruleError, FormulaMismatch
from ..ir.node import Node
from ..simplify.translation import Translation
from ..trace.tree import flatten
from .abstract import Declared
from .derivatives import Derivative
from .verification import UNDEFINED, disagreement, shaken


def join_results(
    f: Callable[..., Any],
    inputs: Sequence[Node],
    outputs: Sequence[Node],
    translate: Translation,
) -> None:
    """Make the last axes of a derivative those of what it is by.

    A zero, or a sum over everything, is repeated to that shape, and no operation says that it is
    that shape.
    """
    if not isinstance(f, Derivative):
        return
    outputs = outputs[f.verb == "value_and_grad" :]
    if not inputs or len(outputs) % len(inputs):
        return
    for k, n in enumerate(outputs):
        by = [inputs[k % len(inputs)]]
        if f.verb == "hessian" and len(outputs) == len(inputs) ** 2:
            by.insert(0, inputs[k // len(inputs)])
        axes = [(x, a) for x in by for a in range(x.type.ndim)]
        first = n.type.ndim - len(axes)
        if first >= 0 and n.type.shape[first:] == tuple(x.type.shape[a] for x, a in axes):
            for a, place in enumerate(axes, first):
                translate.axes.join(place, (n, a))


def other_sizes(sizes: Mapping[str, int]) -> dict[str, int]:
    """Other lengths for the same names, all different."""
    taken: set[int] = set(sizes.values())
    made = {}
    for name, length in sizes.items():
        new = next(n for n in range(length + 1, length + len(taken) + 2) if n not in taken)
        taken.add(new)
        made[name] = new
    return made


def resized(args: Sequence[Any], sizes: dict[str, int], rng: np.random.Generator) -> list[Any] | None:
    """Examples of other sizes; ``None`` where an argument is an array of its own."""
    made = []
    for value in args:
        leaves, structure = flatten(value)
        new = []
        for leaf in leaves:
            if isinstance(leaf, Declared):
                new.append(leaf.example(sizes, rng))
            elif np.ndim(leaf):
                return None
            else:
                new.append(leaf)
        made.append(structure.unflatten(new))
    return made


def _wrong(
    derivation: Any, code: str, new: list[Any], scope: dict[str, Any], rng: np.random.Generator
) -> str | None:
    """What is wrong with the source on new arguments."""
    with np.errstate(all="ignore"):
        expected, _ = flatten(derivation.f(*new))
        wrong = disagreement(code, new, scope, expected)
        if wrong is None:
            return None
        leaves, structure = flatten(tuple(new))
        nearby = structure.unflatten([shaken(x, rng) for x in leaves])
        other, _ = flatten(derivation.f(*nearby))
        return disagreement(code, new, scope, expected, other)


def elsewhere(derivation: Any, text: str, code: str) -> tuple[tuple[str, int], ...]:
    """Run the source of a derivation for other sizes, where every array was declared by them.

    The sizes for which it agrees; none where the program, or its formula, is for one size alone.
    """
    args, keywords = derivation.given
    sizes = other_sizes(derivation.sizes)
    rng = np.random.default_rng(11)
    words = set(re.findall(r"\w+", code))
    outside = {e.name: e.value for e in derivation.examples.known if e.outside and e.name in words}
    if not sizes or keywords or any(np.ndim(value) for value in outside.values()):
        return ()
    wrong: str | None = UNDEFINED
    for _ in range(3):
        new = resized(args, sizes, rng)
        if new is None:
            return ()
        try:
            wrong = _wrong(derivation, code, new, {**derivation.functions, **outside}, rng)
        except (ChainruleError, ValueError, IndexError, np.linalg.LinAlgError):
            return ()
        if wrong is None:
            return tuple(sizes.items())
        if wrong is not UNDEFINED:
            break
    else:
        return ()
    # A program may hold a size as a number, as x[-1] does; then its formula is another one.
    again = type(derivation)(derivation.f, args, keywords, derivation.scope, sizes)
    if again.written()[-1] != code:
        return ()
    raise FormulaMismatch(
        f"the formula {text!r} does not hold for other sizes ({sizes}), so it is not shown: "
        f"{wrong}.\n{code}"
    )
