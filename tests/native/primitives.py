"""Which primitives run natively: every row, scheduled on its own examples.

``python tests/native/primitives.py`` writes docs/primitives.md. Nothing is compiled: steps say it all.
"""

import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from chainrule.ir.graph import Graph
from chainrule.native.lowering import RULES
from chainrule.native.plan import Callback, Immediate, Library, Product
from chainrule.native.prepare import prepared
from chainrule.native.schedule import Schedule
from chainrule.ops import PRIMITIVES
from chainrule.ops.elementwise import Elementwise
from tests.laws.arguments import cases

PAGE = Path(__file__).parents[2] / "docs" / "primitives.md"

CLASSES = ("floats", "integers", "Booleans", "complex")

#: The ways, as the page lists them.
WAYS = ("view", "loop", "product", "linear algebra", "call back")

#: The files of `chainrule.ops` that kinds are in, by section; the elementwise kind has its own.
SECTIONS = {
    "Moves and sums of elements": ("node", "structural", "indexing"),
    "Elementwise": (),
    "Contractions": ("contraction",),
    "Reductions, scans and searches": ("reductions", "cumulative", "search", "softmax"),
    "Linear algebra and transforms": (
        "linalg", "factorizations", "spectral", "spectral_functions", "eigen", "equations", "fourier",
    ),
    "Filters and sparse systems": ("recursion", "sparse_systems"),
    "Sub-graphs": ("control", "implicit", "quadrature"),
}


def variants(case) -> Iterator[tuple[str, object]]:
    """The case for each class of dtypes that the row takes."""
    kinds = {np.result_type(a).kind for a in case.arrays}
    if "c" in kinds:
        yield "complex", case
    elif "f" in kinds or not kinds:
        yield "floats", case
        if any(isinstance(p, Graph) for p in case.params):
            return  # a body has the types that it was made for
        yield "floats", case.as_dtype(np.float32)
        yield "integers", case.as_dtype(np.int64)
        yield "Booleans", case.as_dtype(np.bool_)
        yield "complex", case.as_dtype(np.complex128)
    elif "i" in kinds:
        yield "integers", case
        if isinstance(case.row, Elementwise):
            yield "floats", case.with_arrays([np.asarray(a).astype(float) for a in case.arrays])
    else:
        yield "Booleans", case


def ways(case) -> set[str]:
    """How one case is computed."""
    inputs = case.inputs()
    outputs, _ = prepared(Graph(tuple(inputs), tuple(case.outputs(inputs))), None)
    schedule = Schedule(Graph(tuple(inputs), tuple(outputs)), None, RULES)
    sources = [schedule.sources[n] for n in outputs]
    if all(type(s) is Immediate or s.buffer.place in ("input", "constant") for s in sources):
        return {"view"}
    names = {Callback: "call back", Library: "linear algebra", Product: "product"}
    return {names[type(s)] for s in schedule.steps if type(s) in names} or {"loop"}


def row_ways(row) -> tuple[str, ...]:
    """How a row is computed, in each class of dtypes."""
    found = defaultdict(set)
    for case in cases(row):
        for name, variant in variants(case):
            try:
                with suppress(ValueError, np.linalg.LinAlgError), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    variant.value()  # these values may not do; others of the type will
                found[name] |= ways(variant)
            except (TypeError, ValueError):
                continue  # the row does not take these
    return tuple(", ".join(sorted(found[c], key=WAYS.index)) or "–" for c in CLASSES)


def section(row) -> str:
    """Where on the page a row stands."""
    if isinstance(row, Elementwise):
        return "Elementwise"
    file = type(row).__module__.rpartition(".")[2]
    return next(name for name, files in SECTIONS.items() if file in files)


OPENING = """# What runs natively

How compiled functions compute each primitive, by the dtype of its arguments: as it comes out for the
examples on which the tests hold it to its laws.

- *view*: nothing is computed; the result is strides into an array that is there.
- *loop*: generated code, fused with its neighbours; vector code without loops for small arrays.
- *product*: generated code or BLAS, by size.
- *linear algebra*: LAPACK on each matrix of a stack, or generated code for small matrices.
- *call back*: the NumPy reference, called from the program. What is around it is native all the same.

Several ways mean that it depends on the parameters or the types of the results; – that the row does
not take these arguments. Floats are float64 and float32, integers int64 and int32. Of Booleans, NumPy
makes float16 in many functions; this, complex numbers and integers of other sizes are left to NumPy.
[How it gets fast](native.md) says what each way is like.
"""
CLOSING = """
This page is written by `python tests/native/primitives.py`.
"""


def page() -> str:
    """The page, from the rows."""
    lines = [OPENING]
    for title in SECTIONS:
        alike = defaultdict(list)
        for row in PRIMITIVES:
            if section(row) == title:
                alike[row_ways(row)].append(f"`{row.name}`")
        lines.append(f"\n## {title}\n\n| | {' | '.join(CLASSES)} |\n|---|{'---|' * len(CLASSES)}\n")
        lines += [
            f"| {' '.join(names)} | {' | '.join(found)} |\n" for found, names in alike.items()
        ]
    return "".join(lines) + CLOSING


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
