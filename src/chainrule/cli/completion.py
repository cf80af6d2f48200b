"""Shapes that were not declared: completed with the first ones that the expression takes.

By habit a capital is a matrix, a Greek letter or a letter from the first half of the alphabet is
a number, and anything else is a vector. The page says which shapes were taken, and
``--shape`` overrides them.
"""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from chainrule.cli.declared import DOMAINS, Declaration, numbers_for
from chainrule.cli.target import CommandError, Target

__all__ = ["completed"]

LETTERS = frozenset("abcefghijklmno")
GREEK = frozenset(
    {
        *("alpha", "beta", "gamma", "delta", "epsilon", "eps", "eta", "theta", "kappa", "lam"),
        *("lambda_", "mu", "nu", "rho", "sigma", "tau", "phi", "omega"),
    }
)
MOST_TRIALS = 5_000


def completed(target: Target, given: Mapping[str, Declaration]) -> dict[str, Declaration]:
    """Return a declaration for every argument of an expression.

    Capitals are matrices if that can be at all. Then a completion that makes the expression a
    number is preferred, since that is what a gradient is taken of.
    """
    axes = list(
        dict.fromkeys(axis for one in given.values() for axis in one.axes if isinstance(axis, str))
    ) or ["n", "m"]
    for strict in (True, False):
        choices = [
            [given[name]] if name in given else _habits(name, axes, strict=strict)
            for name in target.parameters
        ]
        if chosen := _first_that_fits(target, choices):
            return {one.name: one for one in chosen}
    undeclared = [name for name in target.parameters if name not in given]
    raise CommandError(
        f"{target.source!r} cannot be computed with any usual shapes of "
        f"{', '.join(target.parameters)}. Declare the right ones: "
        + " ".join(f"--shape {name}=…" for name in undeclared or target.parameters)
        + "."
    )


def _habits(name: str, axes: Sequence[str], *, strict: bool) -> list[Declaration]:
    """Return the shapes that an undeclared name may have, the most usual first."""
    numbers = [Declaration(name, ())]
    vectors = [Declaration(name, (axis,)) for axis in axes]
    # Two different sizes say more than two equal ones, where both fit.
    pairs = sorted(itertools.product(axes, axes), key=lambda pair: pair[0] == pair[1])
    matrices = [Declaration(name, pair) for pair in pairs]
    if name[0].isupper():
        return matrices if strict else [*matrices, *vectors, *numbers]
    return [*numbers, *vectors] if name in LETTERS | GREEK else [*vectors, *numbers]


def _first_that_fits(
    target: Target, choices: Sequence[Sequence[Declaration]]
) -> Sequence[Declaration]:
    """Return the first completion with a number as the result, else the first with any, or none."""
    fallback: Sequence[Declaration] = ()
    for trial in itertools.islice(itertools.product(*choices), MOST_TRIALS):
        shape = _shape_of_result(target, trial)
        if shape == ():
            return trial
        if shape is not None:
            fallback = fallback or trial
    return fallback


def _shape_of_result(target: Target, trial: Sequence[Declaration]) -> tuple[int, ...] | None:
    """Return the shape of the expression's value for these shapes, or None if they do not fit."""
    try:
        with np.errstate(all="ignore"):
            value = target.function(**numbers_for(trial, DOMAINS[0]))
            return tuple(np.shape(value))
    except (ValueError, TypeError, IndexError, np.linalg.LinAlgError):
        return None
