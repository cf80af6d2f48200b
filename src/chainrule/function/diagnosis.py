"""What is wrong with a derivative made by hand: a sign, a factor, a transpose, a missing term."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np

from ..errors import ArgumentError, Site
from ..trace.tree import flatten
from .arguments import parameter_names
from .derivatives import Hessian, Jacobian
from .linearization import vjp
from .report import Finding, Report
from .slips import Slip, find_slip
from .subject import Subject, surroundings

#: How well a guess must explain the difference, relative to the largest entry.
CLOSE = 1e-6


def against_yours(subject: Subject, against: Any, order: int, report: Report) -> Report:
    """Hold a derivative made by hand against chainrule's, which has just passed its own check."""
    truth, names = _truth(subject, order)
    if hasattr(against, "code"):
        given = _computed(against, subject)
    else:
        given = against(*subject.args) if callable(against) else against
    pairs = _matched(given, truth, names)
    findings: list[Finding] = []
    reasons: list[str] = []
    site: Site | None = None
    compared = 0
    for k, yours in pairs:
        right = _as_elementwise(yours, truth[k])
        compared += right.size
        wrong = _differences(yours, right, names[k], subject.eps)
        if not wrong:
            continue
        findings.extend(wrong)
        slip: Slip | None = None
        reason = explain(yours, right, _sizes(subject))
        if reason is None and order == 1 and yours.shape == right.shape:
            slip = find_slip(subject, k, yours, CLOSE)
            reason = None if slip is None else slip.text
            site = site or (None if slip is None else slip.site)
        reason = reason or _few(wrong, right)
        if reason is not None:
            reasons.append(reason if len(pairs) == 1 else f"{names[k]}: {reason}")
    return replace(
        report,
        yours=True,
        truth=f"chainrule's, which agrees with {report.truth}" if not findings else report.truth,
        comparisons=compared,
        undecided=0,
        findings=tuple(findings),
        diagnosis="; ".join(reasons) or None,
        site=site,
    )


# -- the right answer, and which part of yours belongs to which of it ------------------------------


def _truth(subject: Subject, order: int) -> tuple[list[np.ndarray], list[str]]:
    """Chainrule's derivative, one array for each argument (for a Hessian, for each pair)."""
    leaves = subject.leaves
    outs = subject(*[x[()] for x in leaves])
    if len(outs) != 1:
        raise ArgumentError(
            f"check: {subject.name} returns {len(outs)} arrays, and against= is for a function "
            "that returns one; check them one by one."
        )

    def one(*at: Any) -> Any:
        return subject(*at)[0]

    every = tuple(range(len(leaves)))
    with np.errstate(all="ignore"):
        if order == 2:
            blocks = Hessian(one, every)(*leaves)
            names = [f"{a}, {b}" for a in subject.names for b in subject.names]
            return [np.asarray(b) for row in blocks for b in row], names
        if np.ndim(outs[0]):
            return [np.asarray(j) for j in Jacobian(one, every)(*leaves)], list(subject.names)
        out, pull = vjp(one, *leaves)
        found = [np.asarray(g) for g in pull(np.ones((), np.asarray(out).dtype)[()])]
    for k, element in enumerate(subject.elements):
        if element:
            found[k] = np.asarray(found[k][subject.index(k)])
    return found, list(subject.names)


def _computed(formula: Any, subject: Subject) -> Any:
    """The value of a `Formula` by its own source, its names being those of the program."""
    known = dict(surroundings(subject.f))
    space = dict(known)  # what the function takes from its surroundings, so does its formula
    exec(formula.code("numpy"), space)  # noqa: S102 - a formula is a program that chainrule wrote
    compute = [v for v in space.values() if inspect.isfunction(v)][-1]
    known.update(zip(parameter_names(subject.f) or (), subject.args, strict=False))
    wanted = list(inspect.signature(compute).parameters)
    missing = [name for name in wanted if name not in known]
    if missing:
        raise ArgumentError(
            f"check: the formula is in terms of {', '.join(missing)}, which {subject.name} "
            "does not know. Give a function of its arguments instead."
        )
    return compute(**{name: known[name] for name in wanted})


def _matched(
    given: Any, truth: Sequence[np.ndarray], names: Sequence[str]
) -> list[tuple[int, np.ndarray]]:
    """Your arrays, each with the number of the argument that it is for."""
    if not isinstance(given, tuple | dict):
        try:
            whole = np.asarray(given)
        except ValueError:
            whole = np.asarray(None)
        if whole.dtype.kind in "fciub" and (len(truth) == 1 or not isinstance(given, list)):
            return [(0, whole)]
    leaves = [np.asarray(leaf) for leaf in flatten(given)[0]]
    if not leaves or len(leaves) > len(truth):
        raise ArgumentError(
            f"check: against= gives {len(leaves)} arrays, and there are {len(truth)} to compare "
            f"with ({', '.join(names)}); give one for each, in this order."
        )
    return list(enumerate(leaves))


def _as_elementwise(yours: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The diagonal of a diagonal Jacobian, where yours is the derivative element by element."""
    size = yours.size
    if yours.ndim and right.shape == yours.shape * 2:
        square = right.reshape(size, size)
        if not np.any(square - np.diag(np.diag(square))):
            return np.diag(square).reshape(yours.shape)
    return right


def _differences(yours: np.ndarray, right: np.ndarray, name: str, eps: float) -> list[Finding]:
    truth = "chainrule, itself checked"
    if yours.shape != right.shape:
        shapes = f"an array of shape {right.shape}", f"an array of shape {yours.shape}"
        return [Finding("yours", name, "", *shapes, truth)]
    top = np.max(np.abs(right), initial=0.0, where=np.isfinite(right))
    with np.errstate(invalid="ignore"):
        near = np.abs(yours - right) <= eps**0.5 * (np.abs(right) + 0.1 * top)
    wrong = ~(near | (yours == right) | (np.isnan(yours) & np.isnan(right)))
    return [
        Finding(
            "yours",
            name,
            name + (f"[{', '.join(str(i) for i in index)}]" if index.size else ""),
            right[tuple(index)],
            yours[tuple(index)],
            truth,
        )
        for index in np.argwhere(wrong)
    ]


def _few(wrong: Sequence[Finding], right: np.ndarray) -> str | None:
    if len(wrong) < right.size and right.size > 1:
        word = "entry is" if len(wrong) == 1 else "entries are"
        return f"{len(wrong)} {word} wrong, the other {right.size - len(wrong)} are right"
    return None


# -- guesses from the numbers ----------------------------------------------------------------------


def explain(
    yours: np.ndarray, right: np.ndarray, sizes: Sequence[tuple[str, int]] = ()
) -> str | None:
    """What is wrong, if the numbers alone tell: a shape, a sign, a factor, a transpose.

    ``sizes`` are lengths that a factor may come from, each with a name.

    >>> explain(np.array([-2.0, 4.0]), np.array([2.0, -4.0]))
    'a sign: yours is −1 times the derivative'
    """
    if yours.shape != right.shape:
        return _explain_shape(yours, right)
    if np.isnan(yours).any() and not np.isnan(right).any():
        return f"NaN: {int(np.isnan(yours).sum())} of the entries of yours are NaN"
    if not np.any(right):
        return None
    if _close(-yours, right):
        return "a sign: yours is −1 times the derivative"
    factor = np.vdot(right, yours) / np.vdot(right, right)
    if abs(factor) > CLOSE and _close(yours, factor * right):
        return _explain_factor(factor, sizes)
    if yours.ndim == 2 and _close(yours.T, right):
        return "a transpose: yours is the transpose of the derivative"
    if _close(np.conj(yours), right):
        return "a conjugate: yours is the complex conjugate of the derivative"
    if yours.dtype.kind != "c" and _close(np.abs(yours), np.abs(right)):
        flipped = int(np.sum(np.sign(yours) != np.sign(right)))
        return f"a sign: {flipped} of {right.size} entries have the wrong sign"
    difference = yours - right
    if right.size > 1 and _close(difference, np.full(right.shape, difference.flat[0])):
        return f"a constant: yours is {difference.flat[0]:.6g} too large in every entry"
    return None


def _explain_shape(yours: np.ndarray, right: np.ndarray) -> str:
    wanted = f"the derivative has shape {right.shape}, yours {yours.shape}"
    if yours.shape == right.shape[::-1] and _close(yours.T, right):
        return f"a transpose: {wanted}, and its transpose is right"
    if yours.size == right.size and _close(yours.reshape(right.shape), right):
        return f"a shape: {wanted}; the numbers are right, so reshape it"
    for axes in _choices(yours.ndim):
        listed = f"{'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}"
        for word, reduced in (("sum", yours.sum(axes)), ("mean", yours.mean(axes))):
            if _close(reduced, right):
                return f"a {word}: {wanted}; take its {word} over {listed}"
    for axes in _choices(right.ndim):
        if _close(yours, right.sum(axes)):
            return f"a sum too many: {wanted}, the derivative summed over axes {axes}"
    try:
        if _close(np.broadcast_to(yours, right.shape), right):
            return f"a broadcast: {wanted}; the numbers are right, repeat them to that shape"
    except ValueError:
        pass
    return f"a shape: {wanted}"


def _choices(ndim: int) -> list[tuple[int, ...]]:
    """All non-empty sets of axes."""
    return [axes for count in range(1, ndim + 1) for axes in combinations(range(ndim), count)]


def _explain_factor(factor: Any, sizes: Sequence[tuple[str, int]]) -> str:
    if abs(np.imag(factor)) > CLOSE * abs(factor):
        return f"a factor: yours is {factor:.6g} times the derivative"
    k = float(np.real(factor))
    sign = "a sign and a factor" if k < 0 else "a factor"
    minus = "−" if k < 0 else ""
    k = abs(k)
    simple = _fraction(k)
    named = next(((name, n) for name, n in sizes if n > 1 and abs(k * n - 1) < CLOSE), None)
    if named is not None:
        name, n = named
        return f"{sign}: yours is {minus}1/{n} of the derivative, and {n} is {name}; multiply by it"
    named = next(((name, n) for name, n in sizes if n > 3 and abs(k / n - 1) < CLOSE), None)
    if named is not None:
        name, n = named
        return f"{sign}: yours is {minus}{n} times the derivative, and {n} is {name}; divide by it"
    if simple is not None:
        inverse = 1 / simple
        words = f"{simple} of" if simple < 1 else f"{simple} times"
        return f"{sign}: yours is {minus}{words} the derivative; multiply it by {minus}{inverse}"
    for name, n in sizes:
        for power, how in ((1, f"1/{n}"), (-1, f"{n}")):
            simple = _fraction(k * float(n) ** power)
            if n > 1 and simple is not None:
                return f"{sign}: yours is {minus}{simple} · {how} times it, and {n} is {name}"
    return f"{sign}: yours is {minus}{k:.6g} times the derivative"


def _fraction(k: float) -> Fraction | None:
    found = Fraction(k).limit_denominator(12)
    return found if found and found.numerator <= 24 and abs(float(found) / k - 1) < CLOSE else None


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    if a.shape != b.shape:
        return False
    top = np.max(np.abs(b), initial=0.0, where=np.isfinite(b))
    with np.errstate(invalid="ignore"):
        return bool(np.all((np.abs(a - b) <= CLOSE * top) | (a == b)))


def _sizes(subject: Subject) -> list[tuple[str, int]]:
    """Lengths of arrays that the function works with, by the names its program has for them."""
    named: list[tuple[str, Any]] = [
        (n, x) for n, x in zip(subject.names, subject.leaves, strict=True)
    ]
    named.extend(surroundings(subject.f))
    found: dict[int, str] = {}
    for name, value in named:
        for axis, length in enumerate(np.shape(value) if isinstance(value, np.ndarray) else ()):
            found.setdefault(length, f"{name}.shape[{axis}]")
        if isinstance(value, np.ndarray):
            found.setdefault(value.size, f"{name}.size")
    return [(name, length) for length, name in found.items()]
