"""Example arguments for a function: declared on the command line, or offered by its own file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from chainrule.cli.completion import completed
from chainrule.cli.declared import DOMAINS, Declaration, declarations_of, numbers_for
from chainrule.cli.target import CommandError, Target

__all__ = ["Arguments", "arguments_of"]


@dataclass(frozen=True)
class Arguments:
    """The arguments of one call, in order: for deriving the formula, and as numbers."""

    symbols: tuple[Any, ...]
    values: tuple[Any, ...]
    declared: tuple[Declaration, ...]
    guessed: tuple[str, ...] = ()


def arguments_of(target: Target, shapes: Sequence[str], assumptions: Sequence[str]) -> Arguments:
    """Return example arguments for a function: the declared ones first, then its file's.

    The shapes of an expression's arguments may be left out; `guessed` names those.
    """
    declared = declarations_of(target, shapes, assumptions)
    missing = tuple(name for name in target.parameters if name not in declared)
    if target.is_expression:
        declared, guessed, given = completed(target, declared), missing, {}
    else:
        guessed, given = (), _offered(target) if missing else {}
        if absent := [name for name in missing if name not in given]:
            raise CommandError(_how_to_give(target, absent))
    numbers = _numbers(target, declared, given)
    return Arguments(
        symbols=tuple(
            declared[name].symbol() if name in declared else given[name]
            for name in target.parameters
        ),
        values=tuple(numbers[name] for name in target.parameters),
        declared=tuple(declared[name] for name in target.parameters if name in declared),
        guessed=guessed,
    )


def _numbers(
    target: Target, declared: Mapping[str, Declaration], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return all arguments as numbers, inside the function's domain where that can be found."""
    trials = []
    for domain in DOMAINS if declared else DOMAINS[:1]:
        numbers = {**given, **numbers_for(declared.values(), domain)}
        trials.append(numbers)
        with np.errstate(all="ignore"):
            value = target.function(*(numbers[name] for name in target.parameters))
        if np.all(np.isfinite(value)):
            return numbers
    return trials[0]


def _offered(target: Target) -> dict[str, Any]:
    """Return the arguments that the function's own module offers for it, by name.

    ``EXAMPLES`` and what ``example_arguments()`` returns are mappings: from the names of
    arguments to values, or from the names of functions to tuples or mappings.
    """
    offered: dict[str, Any] = {}
    maker = getattr(target.module, "example_arguments", None)
    for examples in (
        getattr(target.module, "EXAMPLES", None),
        maker() if callable(maker) else None,
    ):
        chosen = examples
        if isinstance(examples, Mapping):
            chosen = examples.get(target.function.__name__, examples)
        if isinstance(chosen, Mapping):
            offered |= {name: chosen[name] for name in target.parameters if name in chosen}
        elif isinstance(chosen, tuple | list):
            offered |= dict(zip(target.parameters, chosen, strict=False))
    return offered


def _how_to_give(target: Target, missing: Sequence[str]) -> str:
    shapes = " ".join(f"--shape {name}=…" for name in missing)
    entries = ", ".join(f'"{name}": …' for name in missing)
    return (
        f"{target.function.__name__} needs example arguments: {', '.join(missing)}. Declare them "
        f"with {shapes} (X=N,d for a matrix, w=d for a vector, b= for a number), or add "
        f"EXAMPLES = {{{entries}}} to its file."
    )
