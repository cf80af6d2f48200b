"""``check``: a derivative against function values alone, or yours against chainrule's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, NotScalar
from .abstract import examples_of
from .arguments import Wrt, refuse_foreign
from .diagnosis import against_yours
from .linearization import jvp, vjp
from .locate import Fault, fault_of
from .numerical import Estimate, Line, first, judge, second
from .report import Finding, Report
from .subject import Subject, real_row

#: All entries of an argument are checked up to this many, and a sample of half as many beyond.
ENTRIES = 48
#: Random directions in which each argument is moved, and random weights of the results.
DIRECTIONS = 2

Leaves = Sequence[Any]


def check(
    f: Callable[..., Any],
    *args: Any,
    order: int = 1,
    against: Any = None,
    wrt: Wrt | None = None,
    **foreign: Any,
) -> Report:
    """Hold the derivative of ``f`` at ``args`` against an independent truth.

    The truth is made from values of ``f`` alone: by the complex step where ``f`` is analytic, else
    by extrapolated central differences, which estimate their own error; the tolerance follows from
    that. Forward and reverse mode are compared in random directions, and entry by entry (for a
    large argument a sample of the entries). The choice is the same at every call.

    Parameters
    ----------
    f
        Any function of arrays that returns arrays.
    args
        Arguments, or :func:`array` in place of any.
    order
        1, or 2 to compare second derivatives as well.
    against
        A derivative made by hand: a function of the same arguments, an array, a tuple with one for
        each argument, or a `Formula`. For a scalar ``f`` it is the gradient, else the Jacobian (or the
        element-by-element derivative); with ``order=2`` the Hessian. It is compared with
        chainrule's once that has passed, and the report says what is probably wrong with it.
    wrt
        The arguments to differentiate by; without it, all that vary continuously.

    Returns
    -------
    Report
        True when everything agrees. ``str()`` says what does not: the argument, the entry, what
        was expected and found, and the line at which it goes wrong. Its ``require()`` raises
        `CheckFailed` when something does not.

    >>> import numpy as np
    >>> bool(check(lambda x: np.sum(x**3), np.array([1.0, 2.0]), order=2))
    True
    >>> report = check(lambda x: np.sum(x**3), np.array([1.0, 2.0]), against=lambda x: x**2)
    >>> print(report.diagnosis)
    a factor: yours is 1/3 of the derivative; multiply it by 3
    """
    refuse_foreign("check", foreign)
    if order not in (1, 2):
        raise ArgumentError(
            f"check: order is {order!r}; it is 1 or 2. For a higher one check the derivative "
            "itself: check(cr.grad(f), x, order=2)."
        )
    subject = Subject(f, examples_of(args), wrt)
    with np.errstate(all="ignore"):
        comparison = Comparison(subject)
        comparison.values()
        comparison.first_order()
        if order == 2:
            comparison.second_order()
        report = comparison.report(order)
    return (
        against_yours(subject, against, order, report) if against is not None and report else report
    )


class Comparison:
    """All comparisons of one check, and what they found."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.rng = np.random.default_rng(0)
        self.findings: list[Finding] = []
        self.methods: list[str] = []
        self.count = self.undecided = 0
        base = real_row(subject.plain(subject.leaves))
        if not base.size:
            raise NotScalar(
                f"check: {subject.name} returns nothing that has a derivative; return floats."
            )
        self.base = base
        alone = base.size == 1
        rows = (
            [np.ones(1)] if alone else [self.rng.normal(size=base.size) for _ in range(DIRECTIONS)]
        )
        #: Weights of the results; what is not a number takes no part.
        self.weights = [np.where(np.isfinite(base), row, 0.0) for row in rows]

    # -- what is compared ------------------------------------------------------------------------

    def values(self) -> None:
        """What was traced computes what the function computes."""
        found, _ = self._push(self.subject.leaves, self.subject.nowhere())
        known = np.isfinite(self.base)
        size = np.max(np.abs(self.base), initial=1e-300, where=known)
        truth = Estimate(
            self.base, np.where(known, 4 * self.subject.eps * size, np.inf), "plain NumPy"
        )
        wrong = judge(found, truth, None, float(size), self.subject.eps).wrong
        if wrong.any():
            k = int(np.argmax(wrong))
            self.findings.append(
                Finding("as recorded", "", f"value[{k}]", self.base[k], found[k], "plain NumPy")
            )

    def first_order(self) -> None:
        """Both modes in random directions and entry by entry."""
        pulled = [self._pull(self.subject.leaves, w) for w in self.weights]
        for leaf in range(len(self.subject.leaves)):
            before = len(self.findings)
            tried = [self._direction(leaf, pulled) for _ in range(DIRECTIONS)]
            at = len(self.findings)
            for index in self.subject.entries(leaf, ENTRIES, self.rng):
                self._entry(leaf, index, pulled, forward=not all(tried))
            if len(self.findings) > at:  # the entries say it better
                del self.findings[before:at]

    def _direction(self, leaf: int, pulled: Sequence[Leaves]) -> bool:
        """A random direction; returns whether forward mode is right in it."""
        subject = self.subject
        direction = subject.random(leaf, self.rng)
        line = subject.line(direction)
        truth = first(line, analytic=subject.real)
        name = f"{subject.names[leaf]}, in a random direction"

        def pushed(leaves: Leaves) -> np.ndarray:
            return self._push(leaves, direction)[1]

        right = self._compare(("forward mode", leaf, name), pushed, truth, line)
        for w, row in zip(self.weights, pulled, strict=True):
            self._reverse((leaf, name), w, row, (direction, 0.0), truth)
        return right

    def _entry(
        self, leaf: int, index: tuple[int, ...], pulled: Sequence[Leaves], *, forward: bool
    ) -> None:
        """One partial derivative, of all results."""
        subject = self.subject
        for unit in (1.0, 1j) if subject.leaves[leaf].dtype.kind == "c" else (1.0,):
            direction, length = subject.unit(leaf, index, unit)
            line = subject.line(direction)
            truth = first(line, analytic=subject.real)
            name = subject.entry(leaf, index) + ("" if unit == 1.0 else ", imaginary part")
            right = True
            for w, row in zip(self.weights, pulled, strict=True):
                right = right and self._reverse((leaf, name), w, row, (direction, length), truth)
            if not right and self.base.size > 1:
                self._single_out(leaf, name, (direction, length), truth)
            if forward:
                self._columns(leaf, name, (direction, length), truth)

    def _reverse(
        self,
        where: tuple[int, str],
        weights: np.ndarray,
        row: Leaves,
        along: tuple[Leaves, float],
        truth: Estimate,
    ) -> bool:
        direction, length = along
        leaf, name = where
        line = self.subject.line(direction)

        def weighed(step: complex) -> np.ndarray | None:
            there = line(step)
            return None if there is None else np.atleast_1d(_weighed(weights, there))

        def paired(leaves: Leaves) -> np.ndarray:
            found = row if leaves is self.subject.leaves else self._pull(leaves, weights)
            return np.atleast_1d(_paired(found, direction)) / (length or 1.0)

        scaled = truth.contracted(weights).scaled(1 / (length or 1.0))
        return self._compare(("reverse mode", leaf, name), paired, scaled, weighed, length)

    def _single_out(
        self, leaf: int, name: str, along: tuple[Leaves, float], truth: Estimate
    ) -> None:
        """Which of the results has the wrong derivative in reverse mode."""
        for k in range(min(self.base.size, ENTRIES)):
            weights = np.eye(self.base.size)[k]
            row = self._pull(self.subject.leaves, weights)
            entry = f"value[{k}] by {name}"
            if not self._reverse((leaf, entry), weights, row, along, truth):
                weighed = self.findings.pop(-2)  # the weighted sum that led here
                if weighed.entry != name:
                    self.findings.insert(-1, weighed)
                return

    def _columns(self, leaf: int, name: str, along: tuple[Leaves, float], truth: Estimate) -> None:
        """Which of the results has the wrong derivative in forward mode."""
        direction, length = along
        line = self.subject.line(direction)

        def pushed(leaves: Leaves) -> np.ndarray:
            return self._push(leaves, direction)[1] / length

        self._compare(("forward mode", leaf, name), pushed, truth.scaled(1 / length), line, length)

    def second_order(self) -> None:
        """The Hessian of a weighted sum of the results, by three nestings of the modes."""
        subject = self.subject
        for leaf in range(len(subject.leaves)):
            first_ = subject.random(leaf, self.rng)
            other = subject.random(int(self.rng.integers(len(subject.leaves))), self.rng)
            self._nested(leaf, f"{subject.names[leaf]}, in random directions", (first_, 1.0), other)
            for index in subject.entries(leaf, ENTRIES // 2, self.rng):
                unit = subject.unit(leaf, index, 1.0)
                name = f"{subject.entry(leaf, index)} of the Hessian times a direction"
                self._nested(leaf, name, unit, other, only="reverse")

    def _nested(
        self, leaf: int, name: str, along: tuple[Leaves, float], other: Leaves, only: str = ""
    ) -> None:
        subject, weights = self.subject, self.weights[0]
        direction, length = along
        plane = subject.plane(direction, other)

        def weighed(s: complex, t: complex) -> np.ndarray | None:
            there = plane(s, t)
            return None if there is None else np.atleast_1d(_weighed(weights, there))

        truth = second(weighed, analytic=subject.real).scaled(1 / length)
        t, u = (self._typed(d) for d in (direction, other))

        def gradient(*leaves: Any) -> list[Any]:
            _, pull = vjp(self._sum, *leaves)
            return list(pull(np.ones((), self._sum_dtype)[()]))

        def forward_twice(leaves: Leaves) -> Any:
            def tangent(*at: Any) -> Any:
                return jvp(self._sum, at, t)[1]

            return jvp(tangent, tuple(leaves), u)[1]

        def forward_over_reverse(leaves: Leaves) -> Any:
            return _paired(jvp(gradient, tuple(leaves), u)[1], direction)

        def reverse_twice(leaves: Leaves) -> Any:
            def slope(*at: Any) -> Any:
                pairs = zip(gradient(*at), t, strict=True)
                return sum(np.sum(np.real(np.conj(g) * d)) for g, d in pairs)

            _, pull = vjp(slope, *leaves)
            return _paired(pull(np.ones((), self._sum_dtype)[()]), other)

        ways = {
            "forward over reverse mode": forward_over_reverse,
            "forward mode twice": forward_twice,
            "reverse mode twice": reverse_twice,
        }
        for mode, way in list(ways.items())[: 1 if only else 3]:

            def computed(leaves: Leaves, way: Callable[[Leaves], Any] = way) -> np.ndarray:
                return np.atleast_1d(np.asarray(way(leaves), float)) / length

            self._compare((mode, leaf, name), computed, truth, None, length)

    # -- comparing -------------------------------------------------------------------------------

    def _compare(
        self,
        where: tuple[str, int, str],
        compute: Callable[[Leaves], np.ndarray],
        truth: Estimate,
        line: Line | None,
        length: float = 0.0,
    ) -> bool:
        """Judge some numbers; what is wrong becomes a finding.

        ``length`` is how far ``line`` moves one entry in a step of 1, and 0 if it moves several.
        """
        mode, leaf, name = where
        subject = self.subject
        found = compute(subject.leaves)
        shaped = None if line is None else _slower(line, length or 1.0)
        value = np.atleast_1d(truth.value)
        top = float(np.max(np.abs(value), initial=0.0, where=np.isfinite(value)))
        verdict = judge(found, truth, shaped, top, subject.eps, single=length > 0)
        self.count += found.size
        self.undecided += int(np.sum(verdict.undecided))
        self.methods.append(truth.method)
        wrong = verdict.wrong
        known = np.isfinite(self.base)
        if wrong.any() and np.isfinite(found).all():
            # One that vanishes at a minimum is known to the last bits of the function's value.
            bits = subject.eps * np.max(np.abs(self.base), initial=0.0, where=known) / length
            wrong = wrong & ~(np.abs(found - value) <= 4 * bits)
        if wrong.any() and np.isfinite(found).all():
            # An ill-conditioned derivative answers the last bits of its arguments with more.
            noise = np.abs(compute(self._nudged()) - found)
            wrong = wrong & ~((np.abs(found - value) <= 64 * noise) & (noise <= 1e-3 * top))
        if not wrong.any():
            return True
        k = int(np.argmax(wrong))
        entry = name if found.size == 1 else f"value[{k}] by {name}"
        expected = value[k]
        self.findings.append(
            Finding(mode, subject.names[leaf], entry, expected, found[k], truth.method)
        )
        return False

    def _nudged(self) -> list[np.ndarray]:
        rng = np.random.default_rng(1)
        return [
            (x * (1 + 4 * self.subject.eps * rng.choice([-1.0, 1.0], x.shape))).astype(x.dtype)
            for x in self.subject.leaves
        ]

    # -- chainrule's own answers -----------------------------------------------------------------

    def _typed(self, direction: Leaves) -> tuple[np.ndarray, ...]:
        pairs = zip(direction, self.subject.leaves, strict=True)
        return tuple(np.asarray(d).astype(x.dtype) for d, x in pairs)

    def _push(self, leaves: Leaves, direction: Leaves) -> tuple[np.ndarray, np.ndarray]:
        """The value and the tangent, as real numbers in a row."""
        with np.errstate(all="ignore"):
            out, tangent = jvp(self.subject, tuple(leaves), self._typed(direction))
        return _row(out), _row(tangent)

    def _pull(self, leaves: Leaves, weights: np.ndarray) -> list[np.ndarray]:
        """The gradient of a weighted sum of the results."""
        with np.errstate(all="ignore"):
            out, pull = vjp(self.subject, *leaves)
            return [np.asarray(g) for g in pull(_unrow(weights, out))]

    def _sum(self, *leaves: Any) -> Any:
        """The weighted sum itself."""
        outs = self.subject(*leaves)
        shapes = [np.zeros(np.shape(o), o.dtype if hasattr(o, "dtype") else float) for o in outs]
        parts = _unrow(self.weights[0], shapes)
        return sum(np.sum(np.real(np.conj(w) * o)) for w, o in zip(parts, outs, strict=True))

    @property
    def _sum_dtype(self) -> Any:
        return np.asarray(self._sum(*self.subject.leaves)).dtype

    # -- the report ------------------------------------------------------------------------------

    def report(self, order: int) -> Report:
        """What came out of it."""
        known = [m for m in dict.fromkeys(self.methods) if m != "none"]
        fault: Fault | None = None
        if self.findings:
            fault = fault_of(self.subject, self.subject.leaves)
        what = None if fault is None else f"the derivative of {fault.operation} {fault.what}"
        return Report(
            function=self.subject.name,
            arguments=tuple(self.subject.names),
            order=order,
            truth=" and ".join(known) or "nothing",
            comparisons=self.count,
            undecided=self.undecided,
            findings=tuple(self.findings),
            diagnosis=what,
            operation=None if fault is None else fault.operation,
            site=None if fault is None else fault.site,
        )


def _slower(line: Line, length: float) -> Line:
    """The same line with a unit of argument as its unit of step."""

    def slower(step: complex) -> np.ndarray | None:
        return line(step / length)

    return slower


def _weighed(weights: np.ndarray, row: np.ndarray) -> Any:
    live = weights != 0
    return np.sum(weights[live] * row[live])


def _paired(found: Leaves, direction: Leaves) -> Any:
    """Re⟨found, direction⟩."""
    pairs = zip(found, direction, strict=True)
    with np.errstate(invalid="ignore"):
        return sum(np.sum((np.conj(g) * d).real, where=d != 0) for g, d in pairs)


def _row(parts: Sequence[Any]) -> np.ndarray:
    return real_row(np.concatenate([np.ravel(np.asarray(p)) for p in parts]))


def _unrow(weights: np.ndarray, like: Sequence[Any]) -> list[Any]:
    """Weights for a row of real numbers as cotangents, nested and typed like the results."""
    sizes = [np.size(x) for x in like]
    total = sum(sizes)
    whole = weights[:total] + 1j * weights[total:] if weights.size > total else weights
    results, start = [], 0
    for x, size in zip(like, sizes, strict=True):
        part = np.reshape(whole[start : start + size], np.shape(x))
        dtype = np.asarray(x).dtype
        results.append((part if dtype.kind == "c" else part.real).astype(dtype)[()])
        start += size
    return results
