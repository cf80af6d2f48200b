"""``chainrule derive``: one derivative as a formula, checked against numbers, and timed."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import chainrule as cr
import numpy as np
from chainrule.cli.arguments import Arguments, arguments_of
from chainrule.cli.page import Page
from chainrule.cli.target import CommandError, Target, find
from chainrule.errors import ChainruleError, FormulaError

__all__ = ["Request", "derive"]

ORDINALS = {1: "first", 2: "second", 3: "third"}


@dataclass(frozen=True)
class Request:
    """One ``chainrule derive``, as typed."""

    target: str
    wrt: tuple[str, ...] = ()
    order: int = 1
    latex: bool = False
    code: str | None = None
    steps: bool = True
    shapes: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()


def derive(request: Request, page: Page) -> bool:
    """Print what was asked for; return whether every check agreed."""
    if request.order < 1:
        raise CommandError(
            f"--order {request.order} is not the order of a derivative. Write 1, 2, or more."
        )
    target = find(request.target)
    arguments = arguments_of(target, request.shapes, request.assumptions)

    if target.is_expression:
        page.formula(f"f({', '.join(target.parameters)}) = {target.source}")
    else:
        page.source(target.source)
    if arguments.declared:
        page.gap()
        page.say("for " + "; ".join(map(str, arguments.declared)))
    if arguments.guessed:
        page.say(f"Shapes guessed for {', '.join(arguments.guessed)}: --shape declares them.")

    agreed = True
    for wrt in request.wrt or target.parameters[:1]:
        page.heading(f"{ORDINALS.get(request.order, f'{request.order}th')} derivative by {wrt}")
        agreed &= _one(request, target, arguments, wrt, page)
    return agreed


def _one(request: Request, target: Target, arguments: Arguments, wrt: str, page: Page) -> bool:
    """Print the derivative by one argument."""
    verb, differentiated = _verb(target, arguments, wrt, request.order)
    formula: cr.Formula | None = None
    try:
        formula = cr.formula(differentiated)(*arguments.symbols)
    except FormulaError as error:
        # The numbers may be right all the same, and are checked below.
        page.verdict(False, f"There is no formula: {error}".splitlines()[0])
    if formula is not None:
        page.formula(str(formula))
        _legend(formula, page)
        _details(request, formula, page)

    page.gap()
    # A check compares two orders with numbers; beyond them it starts from a derivative that is
    # two orders lower.
    base = target.function
    if request.order > 2:
        _, base = _verb(target, arguments, wrt, request.order - 2)
    report = cr.check(base, *arguments.values, order=min(request.order, 2), wrt=wrt)
    page.report(bool(report), report.text)
    if request.order <= 2:
        _curvature(target, arguments, wrt, page)
    page.gap()
    timed = {"function": target.function, verb: differentiated}
    if formula is not None:
        timed["formula as NumPy code"] = _program(target, formula)
    page.say(_speed(timed, arguments.values))
    return formula is not None and bool(report)


def _legend(formula: cr.Formula, page: Page) -> None:
    """Print what the symbols are."""
    if formula.legend:
        page.say("with " + ", ".join(map(str, formula.legend)))


def _curvature(target: Target, arguments: Arguments, wrt: str, page: Page) -> None:
    """Print what is proved of the function's curvature, where it has one."""
    if np.shape(target.function(*arguments.values)) != () or "[" in wrt or "." in wrt:
        return
    try:
        found = cr.certificate(target.function, *arguments.symbols, wrt=wrt)
    except ChainruleError:  # what has no certificate has a derivative all the same
        return
    if found:
        page.gap()
        page.proof(found.text)


def _details(request: Request, formula: cr.Formula, page: Page) -> None:
    """Print what was asked for beside the formula itself."""
    if request.steps:
        page.gap()
        page.say("step by step:")
        page.derivation([(step.text, step.rule) for step in formula.steps])
    if request.latex:
        page.gap()
        page.say("LaTeX:")
        page.block(formula.latex)
    if request.code is not None:
        page.gap()
        names = {"numpy": "NumPy", "jax": "JAX", "torch": "PyTorch"}
        page.say(f"stand-alone {names[request.code]}:")
        page.source(formula.code(request.code))


def _program(target: Target, formula: cr.Formula) -> Callable[..., Any]:
    """Return the formula's own source as a function, with what it reads from the target's file."""
    scope = dict(target.function.__globals__)
    before = dict(scope)
    exec(formula.code("numpy"), scope)  # noqa: S102 - the source that chainrule itself made
    made = [v for k, v in scope.items() if callable(v) and before.get(k) is not v]
    function: Callable[..., Any] = made[-1]
    return function


def _verb(
    target: Target, arguments: Arguments, wrt: str, order: int
) -> tuple[str, Callable[..., Any]]:
    """Return the derivative that fits the function: of a number or of an array, of any order."""
    function = target.function
    shape = np.shape(function(*arguments.values))
    if order == 1:
        if shape == ():
            return "gradient", cr.grad(function, wrt=wrt)
        return "Jacobian", cr.jacobian(function, wrt=wrt)
    names = list(target.parameters)
    variable = arguments.values[names.index(wrt)] if wrt in names else None
    if variable is not None and np.shape(variable) == shape == ():
        return "derivative", cr.derivative(function, wrt=wrt, order=order)
    if order == 2 and shape == ():
        return "Hessian", cr.hessian(function, wrt=wrt)
    nested = cr.grad(function, wrt=wrt) if shape == () else cr.jacobian(function, wrt=wrt)
    for _ in range(order - 1):
        nested = cr.jacobian(nested, wrt=wrt)
    return "derivative", nested


def _speed(timed: Mapping[str, Callable[..., Any]], values: tuple[Any, ...]) -> str:
    """Return a sentence with the time of one call of each function."""
    return "one call: " + ", ".join(
        f"{name} {_duration(_seconds(function, values))}" for name, function in timed.items()
    )


def _seconds(function: Callable[..., Any], values: tuple[Any, ...], budget: float = 0.1) -> float:
    """Return the least time that a call took, repeating it for about `budget` seconds."""
    function(*values)  # what is done once, such as simplifying, is not what the next call costs
    best, end = np.inf, time.perf_counter() + budget
    while best == np.inf or time.perf_counter() < end:
        start = time.perf_counter()
        function(*values)
        best = min(best, time.perf_counter() - start)
    return best


def _duration(seconds: float) -> str:
    """Return a time in the unit that keeps it readable.

    >>> _duration(1.234e-5), _duration(0.0456), _duration(2.0)
    ('12.3 µs', '45.6 ms', '2 s')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"
