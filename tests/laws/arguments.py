"""Arguments on which the laws hold a row to its word.

A row's own ``examples()`` come first. An elementwise row without any has its ``domain`` sampled,
away from where functions jump or bend; the other kinds have a hand-made table here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from chainrule.ir.literal import Literal
from chainrule.ir.node import Node, input_node, item
from chainrule.ir.primitive import Primitive
from chainrule.ir.types import TupleType, type_of
from chainrule.ops.elementwise import Elementwise
from chainrule.ops.program import Graph, Program
from chainrule.ops.special import Refused
from scipy import special

#: Arguments that the derivative takes for constants although they are floats: a gate's weight is
#: a share that only jumps, `stop_gradient` is what its name says, and signs are constant nearby.
HELD: dict[str, frozenset[int]] = {
    "gate": frozenset({0}),
    "stop_gradient": frozenset({0}),
    "hermitian_vectors": frozenset({0}),
    "hermitian_vectors_upper": frozenset({0}),
    "tridiagonal_vectors": frozenset({0}),
    "pencil_vectors": frozenset({0, 1}),
    "rq_rows": frozenset({0}),
}

#: Rows whose complex results have a phase that nothing determines: LAPACK's choice is not smooth.
PHASED = frozenset({"eigh", "svd", "svd_of_rule"})


@dataclass(frozen=True)
class Case:
    """One row, with arguments and parameters."""

    row: Primitive
    arrays: tuple[Any, ...]
    params: tuple[Any, ...] = ()

    @property
    def varying(self) -> list[int]:
        """The arguments that are differentiated by."""
        held = HELD.get(self.row.name, frozenset()) | {
            i
            for i, p in enumerate(getattr(self.row, "partials", None) or ())
            if isinstance(p, Refused)
        }
        return [
            i for i, a in enumerate(self.arrays) if np.result_type(a).kind in "fc" and i not in held
        ]

    def with_arrays(self, arrays: Sequence[Any]) -> Case:
        """The same row and parameters on other arrays."""
        return Case(self.row, tuple(arrays), self.params)

    def as_dtype(self, dtype: Any) -> Case:
        """The case with its float arguments of another precision, unless a body fixes theirs."""
        if any(isinstance(p, Graph) for p in self.params):
            return self
        return self.with_arrays(
            [
                np.asarray(a).astype(dtype) if np.result_type(a).kind == "f" else a
                for a in self.arrays
            ]
        )

    def inputs(self) -> list[Node]:
        """A fresh input for each argument."""
        return [input_node(1, k, type_of(a)) for k, a in enumerate(self.arrays)]

    def outputs(self, inputs: Sequence[Node]) -> list[Node]:
        """The row recorded on ``inputs``: one node, or one for each of its results."""
        return recorded(self.row, inputs, self.params)

    def value(self) -> list[Any]:
        """The results, by the row's own reference."""
        out = self.row.evaluate(self.arrays, *self.params)
        return list(out) if isinstance(out, tuple) else [out]

    def __str__(self) -> str:
        arrays = ", ".join(f"{np.result_type(a)}{list(np.shape(a))}" for a in self.arrays)
        return f"{self.row.name}({arrays}; {', '.join(map(str, self.params))})"


def recorded(row: Primitive, inputs: Sequence[Node], params: tuple[Any, ...]) -> list[Node]:
    """The row's results on ``inputs`` as nodes."""
    made = row.build(tuple(inputs), *params)
    if type(made.type) is TupleType:
        return [item(made, k) for k in range(len(made.type.items))]
    return [made]


def run(outputs: Sequence[Node], inputs: Sequence[Node], arrays: Sequence[Any]) -> list[Any]:
    """The values of ``outputs`` where ``inputs`` are ``arrays``."""
    # A parabolic cylinder function asks for memory in proportion to its order, which may be 1e300.
    with special.errstate(all="ignore"):
        return Program(Graph(tuple(inputs), tuple(outputs)))(arrays)


def direction(like: Any, seed: int) -> Any:
    """A fixed generic direction of change for an argument, of its shape and dtype."""
    rng = np.random.default_rng(seed)
    shape, dtype = np.shape(like), np.result_type(like)
    t = rng.uniform(0.4, 1.0, shape) * rng.choice([-1.0, 1.0], shape)
    if dtype.kind == "c":
        t = t + 1j * rng.uniform(0.4, 1.0, shape) * rng.choice([-1.0, 1.0], shape)
    return t.astype(dtype)[()]


# -- arguments for the elementwise kind ------------------------------------------------------------

#: Places in the unit interval. No two are equal or a whole ratio apart, and none is mapped to a
#: whole number or a half, so that no function jumps near them.
_PLACES = np.array([0.071, 0.1937, 0.3391, 0.4729, 0.6131, 0.9123])


def _sample(interval: tuple[float, float], k: int) -> np.ndarray:
    """Six points inside of an interval; those for different ``k`` are no ties."""
    low, high = interval
    places = np.roll(_PLACES, 2 * k + (k > 1)) + 0.0113 * k
    if np.isfinite(low) and np.isfinite(high):
        points = low + (high - low) * places
    elif np.isfinite(low):
        points = low + 3.1 * places
    elif np.isfinite(high):
        points = high - 3.1 * places
    else:
        points = 4.9 * places - 2.23
    return points.reshape(2, 3)


def _intervals(row: Elementwise, arity: int) -> list[tuple[float, float]]:
    domain: Any = row.domain
    if isinstance(domain[0], tuple):
        return list(domain)
    return [domain] * arity


def _accepts(row: Elementwise, kind: Any, arity: int) -> bool:
    try:
        row.dtypes((np.dtype(kind),) * arity)
    except TypeError:
        return False
    return True


def arity(row: Elementwise) -> int:
    """The number of arguments of an elementwise row."""
    if row.partials is not None:
        return len(row.partials)
    return int(getattr(row.function, "nin", 1))


def _elementwise(row: Elementwise) -> Iterator[Case]:
    n = arity(row)
    mask = np.array([[True, False, True], [False, False, True]])
    if _accepts(row, float, n):
        x = [_sample(interval, k) for k, interval in enumerate(_intervals(row, n))]
        yield Case(row, tuple(x))
        yield Case(row, tuple(np.float64(a[1, 1]) for a in x))
        if n == 2:  # broadcasting, each way
            yield Case(row, (x[0], x[1][:1]))
            yield Case(row, (x[0][:, 1:2], x[1]))
            yield Case(row, (x[0][0, 2], x[1]))
    else:
        numbers = np.array([[3, 5, 6], [1, 0, 12]])
        yield Case(row, (numbers, numbers[::-1].copy())[:n])
        yield Case(row, (mask, ~mask)[:n])
    if not row.gated and _accepts(row, complex, n):
        z = np.array(
            [
                [0.31 + 0.42j, -0.53 + 0.27j, 0.82 - 0.61j],
                [0.44 - 0.23j, 0.36 + 0.77j, 0.69 + 0.15j],
            ]
        )
        w = np.array(
            [[1.21 - 0.52j, 0.43 + 0.67j, 0.22 + 0.31j], [0.64 + 0.93j, 1.36 - 0.17j, 0.29 - 0.75j]]
        )
        yield Case(row, (z, w)[:n])
        if n == 2:
            yield Case(row, (z, _sample((0.2, 2.0), 1)))
            yield Case(row, (_sample((0.2, 2.0), 0), w))


# -- arguments for the other kinds -----------------------------------------------------------------


def _table() -> dict[str, list[tuple[tuple[Any, ...], tuple[Any, ...]]]]:
    rng = np.random.default_rng(20)
    x, y = rng.normal(size=(2, 3, 4))
    z = x + 1j * y
    cube = rng.normal(size=(2, 3, 4))
    square = rng.normal(size=(3, 3))
    mask = x > 0
    return {
        "constant": [((), (Literal(2.5),)), ((), (Literal(x),))],
        "broadcast": [
            ((x,), ((2, 3, 4), (-2, -1))),
            ((x,), ((3, 2, 4, 5), (-4, -2))),
            ((np.float64(0.7),), ((2, 2), ())),
            ((z,), ((2, 3, 4), (-2, -1))),
            ((x[:, :0],), ((2, 3, 0), (-2, -1))),
        ],
        "reshape": [
            ((x,), ((2, 6),)),
            ((x[0, :1],), ((),)),
            ((z,), ((12,),)),
            ((x[:0],), ((4, 0),)),
        ],
        "transpose": [
            ((x,), ((-1, -2),)),
            ((cube,), ((-1, -3, -2),)),
            ((cube,), ((-1, -2),)),
            ((z,), ((-1, -2),)),
        ],
        "slice": [
            ((x,), ((1, (0, 4, 1)),)),
            ((x,), (((2, 2, -2), (1, 3, 1)),)),
            ((cube,), (((0, 2, 2), 1),)),
            ((z,), (((0, 3, 1), -1),)),
            ((x[0],), ((2,),)),
            ((x,), (((0, 0, 1), (0, 4, 1)),)),
        ],
        "place": [
            ((x,), ((3, 6), (((0, 3, 1), (1, 4, 1)),))),
            ((x[0], x[1], y[0, :2]), ((5, 4), ((1, (0, 4, 1)), (1, (3, 4, -1)), ((0, 2, 3), 2)))),
            ((z,), ((3, 6), (((0, 3, 1), (1, 4, 1)),))),
            (tuple(x.flat[:6]), ((3, 2), ((0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)))),
            (tuple(x.flat[:5]), ((4,), ((0,), (1,), (1,), (3,), (0,)))),
        ],
        "concatenate": [
            ((x, y), (-1,)),
            ((x, y[:1], x), (-2,)),
            ((z, z), (-1,)),
            ((x, y[:, :0]), (-1,)),
        ],
        "sum": [
            ((x,), ((-1,),)),
            ((x,), ((-2, -1),)),
            ((cube,), ((-3, -1),)),
            ((z,), ((-2,),)),
            ((x[:0],), ((-2,),)),
        ],
        "astype": [
            ((x,), (np.dtype(np.float32), False)),
            ((x.astype(np.float32),), (np.dtype(float), False)),
            ((x,), (np.dtype(complex), False)),
            ((z,), (np.dtype(float), False)),
            ((3.7 * x,), (np.dtype(int), False)),
        ],
        "stop_gradient": [((x,), ())],
        "size": [((x,), (-2,))],
        "where": [
            ((mask, x, y), ()),
            ((mask[:1], x, y[:, :1]), ()),
            ((np.True_, np.float64(0.4), x), ()),
            ((mask, z, y), ()),
            ((mask, x, z), ()),
        ],
        "gate": [
            ((np.where(mask, 1.0, 0.0), x), ()),
            ((np.where(mask, 0.5, 0.0), z), ()),
            ((np.where(mask, 0.25, 1.0), np.float64(0.3)), ()),
        ],
        "heaviside": [((x, y), ())],
        "remainder": [((3 * x, np.where(mask, 1.37, -0.81)), ())],
        "fmod": [((3 * x, np.where(mask, 1.37, -0.81)), ())],
        "power": [
            ((np.abs(x) + 0.2, y), ()),
            ((np.abs(x[0]) + 0.2, y), ()),
            ((z + 2, y), ()),
            ((z + 2, 0.3 * z + 1), ()),
        ],
        "einsum": [
            ((x, y), ("ij,kj->ik", ())),
            ((x, x[0]), ("ij,j->i", ())),
            ((x[0], x[1]), ("i,i->", ())),
            ((x[0], y[0]), ("i,j->ij", ())),
            ((x[0],), ("i->ii", ())),
            ((square,), ("ii->", ())),
            ((square,), ("ii->i", ())),
            ((x,), ("ij->j", ())),
            ((x[0],), ("i->ik", (("k", 3),))),
            ((), ("->ii", (("i", 3),))),
            ((cube, square, x[0]), ("bij,ik,j->bk", ())),
            ((x, y, x), ("ij,ij,ij->ij", ())),
            ((cube, cube), ("bij,bkj->bik", ())),
            ((square, square), ("ij,ji->", ())),
            ((z, y), ("ij,kj->ik", ())),
            ((z, z), ("ij,kj->ik", ())),
            ((x[:0], x[:0]), ("ij,ik->jk", ())),
            ((square, x[0, :3]), ("ii,i->ij", (("j", 2),))),
        ],
    }


_TABLE = _table()


def cases(row: Primitive) -> list[Case]:
    """Every case of a row. None at all is a mistake, which the suite reports."""
    given = row.examples() or _TABLE.get(row.name, ())
    if given:
        found = [Case(row, tuple(arrays), tuple(params)) for arrays, params in given]
        return found + [turned for case in found if (turned := _complex(case)) is not None]
    return list(_elementwise(row)) if isinstance(row, Elementwise) else []


def _complex(case: Case) -> Case | None:
    """The case on complex numbers, if the row takes them at all."""
    if case.row.name in HELD or case.row.name in PHASED or not case.varying:
        return None
    if any(np.result_type(a).kind == "c" for a in case.arrays):
        return None
    turn = {
        i: a + 1j * direction(a, 91 + i) for i, a in enumerate(case.arrays) if i in case.varying
    }
    turned = case.with_arrays([turn.get(i, a) for i, a in enumerate(case.arrays)])
    try:
        case.row.infer([type_of(a) for a in turned.arrays], *case.params)
        value = turned.value()
    except (TypeError, ValueError, NotImplementedError, ArithmeticError):
        return None
    return turned if all(np.result_type(v).kind in "fc" for v in value) else None
