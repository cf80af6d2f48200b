"""The loops of a nest: which axes there are, in what order, and which runs in vector lanes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..ops.elementwise import Elementwise
from .plan import Immediate, Indirect, Nest, Statement, View, count
from .text import STORAGE, Machine

#: Up to how many bytes a nest may touch and be looped over in any order.
_CLOSE = 1 << 17


@dataclass
class Axes:
    """Loops from the outermost to the innermost, each over a run of axes of the domain."""

    sizes: list[int]
    #: For each loop the axes of the domain that it runs over as one, innermost last.
    runs: list[tuple[int, ...]]
    lane: int | None
    width: int
    unroll: int
    empty: bool

    def strides(self, v: View) -> list[int]:
        """The strides of a view of the domain, by loop."""
        return [v.strides[run[-1]] for run in self.runs]

    def reduced(self, s: Statement) -> frozenset[int]:
        """The loops over which a statement is reduced."""
        return frozenset(p for p, run in enumerate(self.runs) if run[-1] in s.axes)


def arranged(nest: Nest, views: Sequence[View], machine: Machine) -> Axes:
    """The loops for a nest in which ``views`` are accessed."""
    domain = nest.domain
    empty = count(domain) == 0
    runs = _merged(nest, views)
    widest = max((STORAGE[s.dtype] for s in nest.statements), key=_bytes, default="double")
    for v in views:
        widest = max(widest, STORAGE[v.dtype], key=_bytes)
    most = min(machine.lanes(widest), machine.lanes("float"))
    if empty or not runs:
        return Axes([domain[r[0]] for r in runs] if not empty else [], runs, None, 1, 1, empty)
    sizes = {run: count(tuple(domain[a] for a in run)) for run in runs}
    runs = _ordered(nest, views, runs)
    lane, width = _lane(nest, views, runs, sizes, most)
    order = [sizes[r] for r in runs]
    return Axes(order, runs, lane, width, _unroll(nest, runs, order, lane, width), empty)


def _bytes(element: str) -> int:
    return {"double": 8, "i64": 8, "float": 4, "i32": 4, "i8": 1}[element]


def _merged(nest: Nest, views: Sequence[View]) -> list[tuple[int, ...]]:
    """Neighbouring axes that every access runs through as one."""
    domain = nest.domain
    runs: list[list[int]] = []
    for a, n in enumerate(domain):
        if n == 1:
            continue
        if runs:
            b = runs[-1][-1]
            if all(v.strides[b] == v.strides[a] * n for v in views) and all(
                (a in s.axes) == (b in s.axes) for s in nest.statements if s.reduce
            ):
                runs[-1].append(a)
                continue
        runs.append([a])
    return [tuple(r) for r in runs]


def _ordered(
    nest: Nest, views: Sequence[View], runs: list[tuple[int, ...]]
) -> list[tuple[int, ...]]:
    """What is reduced goes inside, where that costs no passes over memory."""
    sinks = [s for s in nest.statements if s.reduce]
    if not sinks or len(runs) < 2:
        return runs
    touched = {
        v: count(tuple(n for n, s in zip(v.shape, v.strides, strict=True) if s)) for v in views
    }
    if sum(n * v.dtype.itemsize for v, n in touched.items()) > _CLOSE:
        return runs
    inner = [r for r in runs if all(r[-1] in s.axes for s in sinks)]
    return [*(r for r in runs if r not in inner), *inner]


def _lane(
    nest: Nest,
    views: Sequence[View],
    runs: list[tuple[int, ...]],
    sizes: dict[tuple[int, ...], int],
    most: int,
) -> tuple[int | None, int]:
    """The loop to run in lanes, and how many lanes: what costs least by a simple count."""
    work = sum(work_of(s) for s in nest.statements)
    total = count(tuple(sizes.values()))
    best: tuple[float, int | None, int] = (total * (len(views) + work), None, 1)
    for p, run in enumerate(runs):
        n = sizes[run]
        if not _may_run_in_lanes(nest, run):
            continue
        width = most
        while width > n:
            width //= 2
        if width < 2:
            continue
        if n % width and width < most and n > width and width * 2 <= most:
            width *= 2  # one masked vector rather than two
        cost = work
        for v in views:
            stride = v.strides[run[-1]]
            cost += 0.3 if stride == 0 else 1.0 if stride == 1 else 1.5 * width
        for s in nest.statements:
            if s.reduce and p < len(runs) - 1 and any(run[-1] in t.axes for t in (s,)):
                cost += 2.0 * (runs[-1][-1] not in s.axes) * width
        for s in nest.statements:
            for r in (*s.reads, s.target):
                if isinstance(r, Indirect) and any(
                    isinstance(i, View) and i.strides[run[-1]] for i, _, _ in r.indices
                ):
                    cost += 2.0 * width
        vectors = -(-n // width) * (total // n)
        # At equal cost the innermost loop.
        if vectors * cost <= best[0]:
            best = (vectors * cost, p, width)
    return best[1], best[2]


def _may_run_in_lanes(nest: Nest, run: tuple[int, ...]) -> bool:
    """Not where lanes may meet in one place of memory."""
    for s in nest.statements:
        t = s.target
        if isinstance(t, Indirect) and (
            t.view.strides[run[-1]] == 0
            or any(not isinstance(i, View) or i.strides[run[-1]] for i, _, _ in t.indices)
        ):
            return False
    return True


def work_of(s: Statement) -> float:
    """How much computing a statement is, in simple instructions."""
    if not isinstance(s.op, Elementwise):
        return 1.0
    return 1.0 if s.op.ufunc is not None and s.op.name in _SIMPLE else 12.0


_SIMPLE = frozenset(
    {
        "add", "subtract", "multiply", "negative", "square", "maximum", "minimum", "absolute",
        "less", "less_equal", "greater", "greater_equal", "equal", "not_equal",
    }
)  # fmt: skip


def _unroll(
    nest: Nest, runs: list[tuple[int, ...]], order: list[int], lane: int | None, width: int
) -> int:
    """How many accumulators the innermost loop has for what it reduces."""
    inner = runs[-1][-1]
    if not any(s.reduce and inner in s.axes for s in nest.statements):
        return 1
    rounds = order[-1] // (width if lane == len(order) - 1 else 1)
    work = sum(work_of(s) for s in nest.statements)
    sinks = sum(1 for s in nest.statements if s.reduce and inner in s.axes)
    most = 4 if work <= 8 and sinks <= 3 else 2 if work <= 24 and sinks <= 8 else 1
    return max(1, min(most, rounds))


def is_cheap(s: Statement, domain: tuple[int, ...]) -> bool:
    """Whether computing again costs less than keeping: one instruction, on much smaller arrays."""
    size = count(domain)
    if not isinstance(s.target, View) or s.target.shape != domain:
        return False  # the same elements, but looped over otherwise
    if s.stored or s.adds or size < 4096 or work_of(s) > 1:
        return False
    for r in s.reads:
        if isinstance(r, View):
            if 4 * count(tuple(n for n, t in zip(r.shape, r.strides, strict=True) if t)) > size:
                return False
        elif not isinstance(r, Immediate):
            return False
    return True
