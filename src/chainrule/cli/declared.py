"""Declared arguments: ``--shape X=N,d`` names sizes, ``--assume A=symmetric`` says what is true.

A formula is derived from the declaration itself (`chainrule.array`). Its check and its speed need
numbers, so a declaration also gives an array that obeys it, the same one in every run.
"""

import inspect
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import chainrule as cr
import numpy as np
from chainrule.cli.target import CommandError, Target
from chainrule.errors import ArgumentError

__all__ = ["DOMAINS", "Declaration", "declarations_of", "numbers_for"]

# What the named sizes are in the numbers: all different, so that no two axes can be mixed up
# unnoticed, and small, so that a Hessian is quick to check.
SIZES = (7, 4, 3, 5, 6, 8, 9, 10)

# Where the numbers lie: on the whole line, in the unit interval (logarithms, roots, arcsin), or
# above one (arccosh).
DOMAINS = ("real", "unit", "large")


@dataclass(frozen=True)
class Declaration:
    """One argument's axes, by name or by length, and what is assumed of it."""

    name: str
    axes: tuple[str | int, ...]
    assumptions: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it as mathematics.

        >>> print(Declaration("X", ("N", "d")), Declaration("b", ()), sep="; ")
        X ∈ ℝ^{N×d}; b ∈ ℝ
        """
        sizes = "×".join(map(str, self.axes))
        space = f"ℝ^{{{sizes}}}" if len(self.axes) > 1 else f"ℝ^{sizes}" if sizes else "ℝ"
        return ", ".join((f"{self.name} ∈ {space}", *self.assumptions))

    def symbol(self) -> Any:
        """Return what stands for the argument when a formula is derived."""
        assumed: dict[str, Any] = {}
        for text in self.assumptions:
            name, given, value = text.partition("=")
            assumed[name] = _axis(value) if given else True
        try:
            return cr.array(*self.axes, **assumed)
        except ArgumentError as error:
            if "square" in str(error):
                raise CommandError(
                    f"{self.name} is assumed {', '.join(self.assumptions)}, but is not square. "
                    f"Declare it with two equal axes: --shape {self.name}=n,n."
                ) from None
            raise CommandError(f"{self.name}: {error}") from None

    def sample(self, sizes: dict[str, int], domain: str) -> Any:
        """Return numbers of this shape, with the assumed properties, in one of `DOMAINS`."""
        # One generator for each name: the numbers do not depend on the other arguments.
        rng = np.random.default_rng(list(self.name.encode()))
        if self.assumptions:
            return self.symbol().example(sizes, rng)
        shape = [sizes[axis] if isinstance(axis, str) else axis for axis in self.axes]
        values = np.asarray(rng.normal(size=shape))
        if domain == "unit":
            values = 0.1 + 0.8 * rng.random(shape)
        elif domain == "large":
            values = 1.5 + rng.random(shape)
        return values if shape else float(values)


def numbers_for(declarations: Iterable[Declaration], domain: str) -> dict[str, Any]:
    """Return numbers for each declared argument, with one length for each named size."""
    declared = list(declarations)
    lengths = itertools.chain(SIZES, itertools.count(11))
    sizes: dict[str, int] = {}
    for axis in itertools.chain.from_iterable(one.axes for one in declared):
        if isinstance(axis, str) and axis not in sizes:
            sizes[axis] = next(lengths)
    return {one.name: one.sample(sizes, domain) for one in declared}


def declarations_of(
    target: Target, shapes: Sequence[str], assumptions: Sequence[str]
) -> dict[str, Declaration]:
    """Return what ``--shape`` and ``--assume`` declare, by argument."""
    axes: dict[str, tuple[str | int, ...]] = {}
    for text in shapes:
        name, sizes = _pair(target, "--shape", text, "X=N,d")
        axes[name] = tuple(_axis(size.strip()) for size in sizes.split(",") if size.strip())
    assumed: dict[str, tuple[str, ...]] = {}
    for text in assumptions:
        name, words = _pair(target, "--assume", text, "A=symmetric")
        if name not in axes:
            raise CommandError(
                f"{name} is assumed {words}, but its shape is not declared. "
                f"Add --shape {name}=…, with its sizes by name."
            )
        assumed[name] = (*assumed.get(name, ()), *map(_assumption, words.split(",")))
    return {name: Declaration(name, sizes, assumed.get(name, ())) for name, sizes in axes.items()}


def _pair(target: Target, option: str, text: str, form: str) -> tuple[str, str]:
    """Split NAME=VALUE, and check that the function has an argument of that name."""
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals:
        raise CommandError(f"{option} {text!r} declares nothing. Write {option} {form}.")
    known = inspect.signature(target.function).parameters
    if name not in known:
        raise CommandError(
            f"{option} {text!r}: there is no argument {name!r}. The arguments are "
            f"{', '.join(known)}."
        )
    return name, value


def _axis(text: str) -> str | int:
    if text.isdecimal():
        return int(text)
    if text.isidentifier():
        return text
    raise CommandError(
        f"{text!r} is not the size of an axis. Write a name or a number, as in --shape X=N,d or "
        "--shape X=200,5; for an argument that is one number, --shape b=."
    )


def _assumption(text: str) -> str:
    """Check that `chainrule.array` knows the assumption; ``labels=k`` says how many there are."""
    word, given, value = (part.strip() for part in text.partition("="))
    word = word.replace("-", "_")
    known = {
        parameter.name: isinstance(parameter.default, bool)
        for parameter in inspect.signature(cr.array).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    if word not in known:
        shown = ", ".join(name if plain else f"{name}=k" for name, plain in known.items())
        raise CommandError(f"{text!r} is not an assumption. What can be assumed: {shown}.")
    if known[word] == bool(given):
        form = word if known[word] else f"{word}=k, with their number"
        raise CommandError(f"{text!r} is not how {word} is assumed. Write {form}.")
    return f"{word}={value}" if given else word
