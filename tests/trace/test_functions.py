"""NumPy's functions as compositions, against NumPy: value, gradient and Hessian-vector product.

Products, reductions, linear algebra and special functions have files of their own.
"""

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.trace.functions import FUNCTIONS
from chainrule.trace.functions.shaping import _filled_in
from chainrule.trace.recording import tracing
from tests.trace.agreement import assert_agrees, weighted

X = np.random.default_rng(5).normal(size=(3, 4)) + 0.1
V = np.array([0.5, -1.5, 2.5, 1.25, -0.75])
P = np.array([0.3, 0.9, 1.7, 2.2])
Z = np.array([0, 1, 3, 4.5])

MATRIX: dict[str, Callable[[Any], Any]] = {
    "windows": lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 3)),
    "windows along an axis, twice": lambda x: np.lib.stride_tricks.sliding_window_view(
        x, (2, 2, 2), axis=(1, -1, 0)
    )[..., 0],
    "reshape": lambda x: np.reshape(x, (2, -1)),
    "reshape in Fortran order": lambda x: x.reshape(2, 6, order="F"),
    "transpose": np.transpose,
    "broadcast_to": lambda x: np.broadcast_to(x, (2, 3, 4)),
    "broadcast_arrays": lambda x: np.stack(np.broadcast_arrays(x, x[0])),
    "broadcast_arrays with numbers": lambda x: sum(
        a.copy() for a in np.broadcast_arrays(0.5, x[0, 0], 2)
    ),
    "ravel": np.ravel,
    "ravel in Fortran order": lambda x: np.ravel(x, "F"),
    "expand_dims": lambda x: np.expand_dims(x, (0, -1)),
    "squeeze": lambda x: np.squeeze(x[:1]),
    "moveaxis": lambda x: np.moveaxis(x[None], 0, -1),
    "rollaxis": lambda x: np.rollaxis(x, 1),
    "matrix_transpose": np.matrix_transpose,
    "atleast_3d": np.atleast_3d,
    "concatenate": lambda x: np.concatenate([x, x[:1] * 2, np.ones((1, 4))]),
    "concatenate flat": lambda x: np.concatenate([x, [1.0, 2.0]], axis=None),
    "stack": lambda x: np.stack([x, np.zeros((3, 4))], axis=-1),
    "stack of numbers": lambda x: np.stack([x[0, 0], 3.0, x[1, 1]]),
    "vstack": lambda x: np.vstack([x, x[0]]),
    "hstack": lambda x: np.hstack([x, x]),
    "hstack of vectors": lambda x: np.hstack([x[0], 1.0, x[1]]),
    "dstack": lambda x: np.dstack([x, x**2]),
    "column_stack": lambda x: np.column_stack([x, x[:, 0]]),
    "append": lambda x: np.append(x, x[:, :1], axis=1),
    "block": lambda x: np.block([[x, np.zeros((3, 1))], [np.ones((1, 4)), x[:1, :1]]]),
    "split": lambda x: np.split(x, 2, axis=1)[1],
    "array_split": lambda x: np.array_split(x, [1, 3], axis=1)[1],
    "hsplit": lambda x: np.hsplit(x, 2)[0],
    "vsplit": lambda x: np.vsplit(x, 3)[2],
    "flip": np.flip,
    "flip of an axis": lambda x: np.flip(x, 1),
    "fliplr": np.fliplr,
    "flipud": np.flipud,
    **{f"rot90 {k}": (lambda x, k=k: np.rot90(x, k)) for k in range(-1, 4)},
    "roll": lambda x: np.roll(x, 5),
    "roll of axes": lambda x: np.roll(x, (1, -2), axis=(0, 1)),
    "tile": lambda x: np.tile(x, (2, 1, 3)),
    "tile of fewer": lambda x: np.tile(x, 2),
    "repeat": lambda x: np.repeat(x, 2),
    "repeat along": lambda x: np.repeat(x, 3, axis=1),
    "repeat unevenly": lambda x: np.repeat(x, [2, 0, 1], axis=0),
    "resize": lambda x: np.resize(x, (4, 5)),
    "resize smaller": lambda x: np.resize(x, 3),
    **{
        f"pad {mode}": (lambda x, mode=mode: np.pad(x, ((1, 2), (0, 3)), mode))
        for mode in ("constant", "edge", "reflect", "symmetric", "wrap", "linear_ramp", "mean", "maximum", "minimum")
    },
    "pad of nothing": lambda x: np.pad(x[:, :, None][..., :0], ((1, 1), (2, 2), (0, 0)), "edge"),
    "pad with values": lambda x: np.pad(x, 1, constant_values=((1.0, 2.0), (3.0, 4.0))),
    "pad odd": lambda x: np.pad(x, ((2, 4), (1, 5)), "reflect", reflect_type="odd"),
    "pad odd symmetric": lambda x: np.pad(x, ((2, 4), (1, 5)), "symmetric", reflect_type="odd"),
    "pad far": lambda x: np.pad(x, 7, "reflect"),
    "pad to a ramp": lambda x: np.pad(x, 2, "linear_ramp", end_values=(1.0, -1.0)),
    "pad with a mean of a few": lambda x: np.pad(x, 2, "mean", stat_length=2),
    "where": lambda x: np.where(x > 0, x**2, 1.0),
    "select": lambda x: np.select([x < 0, x < 1], [x**2, x**3], 0.5),
    "choose": lambda x: np.choose(np.array([0, 2, 1, 1]), [x[0], x[1], x[2]]),
    "piecewise": lambda x: np.piecewise(x, [x < 0, x >= 0], [lambda t: -t, lambda t: t**2]),
    "take": lambda x: np.take(x, [[0, 5], [11, -1]]),
    "take along": lambda x: np.take(x, [0, 0, 3], axis=1),
    "take wrapping": lambda x: np.take(x, [5, -7], axis=1, mode="wrap"),
    "compress": lambda x: np.compress([True, False, True], x, axis=0),
    "extract": lambda x: np.extract(x > 0, x),
    "delete": lambda x: np.delete(x, [0, 2], axis=1),
    "insert": lambda x: np.insert(x, 1, x[:, 0], axis=1),
    "insert several": lambda x: np.insert(x, [1, 3], x[:, :2], axis=1),
    "insert flat": lambda x: np.insert(x, 2, 9.0),
    "sort": lambda x: np.sort(x, axis=0),
    "sort flat": lambda x: np.sort(x, axis=None),
    "partition": lambda x: np.sort(np.partition(x, 2, axis=1)[:, :2], axis=1),
    "unique": lambda x: np.unique(np.concatenate([x, x])),
    "argsort": lambda x: np.take_along_axis(x, np.argsort(x, axis=1), axis=1),
    "tril": lambda x: np.tril(x, 1),
    "triu": lambda x: np.triu(x, -1),
    "diff": lambda x: np.diff(x, 2),
    "diff of order 0": lambda x: np.diff(x, 0, prepend=5.0),
    "diff with ends": lambda x: np.diff(x, axis=0, prepend=0.0, append=x[:1]),
    "ediff1d": lambda x: np.ediff1d(x, to_begin=1.0, to_end=[2.0, 3.0]),
    "gradient": lambda x: np.stack(np.gradient(x)),
    "gradient with spacing": lambda x: np.gradient(x, 0.5, axis=1, edge_order=2),
    "gradient on a grid": lambda x: np.gradient(x, Z, axis=1),
    "gradient on a grid to second order": lambda x: np.gradient(x, Z, axis=1, edge_order=2),
    "trapezoid": lambda x: np.trapezoid(x, Z),
    "trapezoid evenly": lambda x: np.trapezoid(x, dx=0.3, axis=0),
    "meshgrid": lambda x: np.stack(np.meshgrid(x[0], x[1])),
    "meshgrid ij": lambda x: np.stack(np.meshgrid(x[0], x[1, :2], indexing="ij")),
    "clip": lambda x: np.clip(x, -0.3, 0.4),
    "clip below": lambda x: np.clip(x, 0.0, None),
    "clip to a traced limit": lambda x: np.clip(x, x[0, 0] - 1, x[1]),
    "nan_to_num": lambda x: np.nan_to_num(np.where(x > 0.5, np.nan, x), nan=2.0),
    "round": lambda x: np.round(x, 1) * x,
    "fix": lambda x: np.fix(x) * x,
    "sinc": np.sinc,
    "real, imag, angle": lambda x: np.real(x * (1 + 2j)) + np.imag(x * 1j) * np.angle(x + 1j),
    "unwrap": lambda x: np.unwrap(x * 5),
    "copy": np.copy,
    "cross": lambda x: np.cross(x[:, :3], x[::-1, :3]),
    "einsum": lambda x: np.einsum("ij,kj->ik", x, x),
}  # fmt: skip

VECTOR: dict[str, Callable[[Any], Any]] = {
    "interp at x": lambda v: np.interp(v, Z, P),
    "interp of values": lambda v: np.interp([0.2, 1.7, 9.0, -1.0], [0.0, 0.5, 1.0, 2.0, 3.0], v),
    "interp of knots": lambda v: np.interp([0.7, 1.1, 1.3], np.sort(v), [1.0, 0.5, 2.0, 3.0, -1.0]),
    "interp with ends": lambda v: np.interp(v, Z, P, left=v[0], right=-1.0),
    "interp periodic": lambda v: np.interp(v, Z, P, period=5.0),
    **{
        f"convolve {mode}": (lambda v, mode=mode: np.convolve(v, v[:3] * 2, mode))
        for mode in ("full", "same", "valid")
    },
    "convolve by a longer": lambda v: np.convolve(v[:2], np.arange(4.0), "same"),
    **{
        f"correlate {mode}": (lambda v, mode=mode: np.correlate(v, v[:3], mode))
        for mode in ("full", "same", "valid")
    },
    **{
        f"correlate by a longer {mode}": (lambda v, mode=mode: np.correlate(v[:2], v, mode))
        for mode in ("full", "same", "valid")
    },
    "polyval": lambda v: np.polyval(v[:3], v),
    "polyval of a list": lambda v: np.polyval([1.0, v[0], 2.0], 0.3),
    "polyder": lambda v: np.polyder(v, 2),
    "polyint": lambda v: np.polyint(v, 2, k=[1.0, 2.0]),
    "polyadd": lambda v: np.polyadd(v, v[:2]) - np.polysub(v, v[:3]),
    "polymul": lambda v: np.polymul(v, [1.0, 2.0]),
    "poly": lambda v: np.poly(v),
    "polyfit": lambda v: np.polyfit([0.0, 1.0, 2.0, 3.0, 4.0], v, 2),
    "polyfit with weights": lambda v: np.polyfit([0.0, 1.0, 2.0, 3.0, 4.0], v, 1, w=v**2 + 1),
    "vander": lambda v: np.vander(v, 3),
    "vander increasing": lambda v: np.vander(v, increasing=True),
    "linspace": lambda v: np.linspace(v[0], v[1], 5),
    "linspace of arrays": lambda v: np.linspace(v, v**2, 3, endpoint=False, axis=-1),
    "logspace": lambda v: np.logspace(v[0], 1.0, 4),
    "geomspace": lambda v: np.geomspace(v[0], v[2], 4),
    "bincount": lambda v: np.bincount([0, 2, 2, 1, 0], v),
    "searchsorted": lambda v: v[np.searchsorted([0.0, 1.0], v)],
    "digitize": lambda v: v[np.digitize(v, np.array([0.0, 1.0, 2.0]))],
    "nonzero": lambda v: v[np.nonzero(v > 0)] * np.flatnonzero(v > 0),
    "argwhere": lambda v: v[np.argwhere(v > 0)[:, 0]],
    "ufunc reduce": lambda v: np.add.reduce(v) * np.multiply.reduce(v) * np.maximum.reduce(v) + np.logaddexp.reduce(v),
    "ufunc reduce by a loop": lambda v: np.hypot.reduce(v) + np.subtract.reduce(v),
    "ufunc accumulate": lambda v: np.add.accumulate(v) * np.maximum.accumulate(v) + np.hypot.accumulate(v),
    "ufunc outer": lambda v: np.subtract.outer(v, v[:2]),
    "ufunc reduceat": lambda v: np.add.reduceat(v, [0, 3, 1]),
    "divmod": lambda v: np.stack(divmod(v, 0.7)) + np.stack(np.divmod(v, 2.0)),
    "modf": lambda v: np.modf(v)[0],
    "ldexp": lambda v: np.ldexp(v, 3),
    "ufunc with dtype": lambda v: np.add(v, 1, dtype=np.float64),
}  # fmt: skip


@pytest.mark.parametrize("name", MATRIX)
def test_of_a_matrix(name: str) -> None:
    f = MATRIX[name]
    with tracing() as trace:
        y = f(trace.input(X))
        assert (np.shape(y), y.dtype) == (np.shape(f(X)), f(X).dtype)
    assert_agrees(lambda x: weighted(f(x)), X)


@pytest.mark.parametrize("name", VECTOR)
def test_of_a_vector(name: str) -> None:
    f = VECTOR[name]
    with tracing() as trace:
        y = f(trace.input(V))
        assert (np.shape(y), y.dtype) == (np.shape(f(V)), f(V).dtype)
    assert_agrees(lambda v: weighted(f(v)), V)


@pytest.mark.parametrize("f", [
    lambda x: np.iscomplexobj(x), lambda x: np.isrealobj(x), lambda x: np.allclose(x, x),
    lambda x: np.array_equal(x, x + 1), lambda x: np.shape(x), lambda x: np.ndim(x), lambda x: np.size(x, 1),
    lambda x: np.result_type(x, np.float32), lambda x: np.can_cast(x.dtype, np.float32), lambda x: len(x),
    lambda x: np.isscalar(x), lambda x: np.count_nonzero(x > 0) + 0, lambda x: np.iterable(x),
    lambda x: np.common_type(x), lambda x: np.array_equiv(x, x[0]), lambda x: x.nbytes, lambda x: x.itemsize,
])  # fmt: skip
def test_questions_are_answered_as_numpy_does(f: Callable[[Any], Any]) -> None:
    with tracing() as trace:
        answer = f(trace.input(X))
        assert (int(answer) if hasattr(answer, "node") else answer) == f(X)


@pytest.mark.parametrize("source", [(), (0,), (2, 3), (0, 3), (1,), (2, 0), (4,)])
@pytest.mark.parametrize("target", [
    -1, (-1,), (1, -1), (2, -1), (-1, 3), (0, -1), (-1, 0), (3, 2), 6, (-1, -1), (), (1,), (0,), (-2, 3), (-6, -1),
])  # fmt: skip
def test_a_shape_is_filled_in_as_numpy_does(source: tuple[int, ...], target: Any) -> None:
    try:
        expected = np.empty(source).reshape(target).shape
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 - in NumPy's own words
            _filled_in(target, source)
    else:
        assert _filled_in(target, source) == expected


@pytest.mark.parametrize("name", ["spacing"])
def test_an_unsupported_function_names_itself_the_line_and_a_remedy(name: str) -> None:
    def f(x):
        return np.sum(getattr(np, name)(*[x] * getattr(np, name).nin))

    with pytest.raises(cr.errors.UnsupportedFunction, match=rf"np\.{name} .*Use ") as caught:
        cr.grad(f)(X)
    assert caught.value.site is not None
    assert caught.value.site.function == "f"


def test_relu_is_recorded_as_such() -> None:
    with tracing() as trace:
        x = trace.input(X)
        assert np.maximum(x, 0).node.op.name == np.maximum(0.0, x).node.op.name == "relu"
        assert np.maximum(x, 1).node.op.name == "maximum"


def test_float32_stays() -> None:
    x = X.astype(np.float32)
    for name, f in MATRIX.items():
        if f(x).dtype == np.float32:
            with tracing() as trace:
                assert f(trace.input(x)).dtype == np.float32, name
            assert cr.grad(lambda x, f=f: np.sum(f(x)))(x).dtype == np.float32, name


def test_every_table_has_functions_for_keys() -> None:
    keys: list[Any] = list(FUNCTIONS)
    assert all(callable(FUNCTIONS[k]) for k in keys)
