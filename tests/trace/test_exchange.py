"""Data from elsewhere: DLPack objects, pandas objects, lists. Results are NumPy's."""

from typing import Any

import chainrule as cr
import numpy as np
import pytest

X = np.array([1.3, 2.2, 0.7])


class Exchanged:
    """An array that gives its numbers by DLPack and in no other way."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __dlpack__(self, **keywords: Any) -> Any:
        return self.array.__dlpack__(**keywords)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()


class Elsewhere(Exchanged):
    def __dlpack__(self, **keywords: Any) -> Any:
        raise BufferError("it is on another device")


def test_arguments_and_surroundings_by_dlpack() -> None:
    d = Exchanged(X * 2)
    assert type(cr.grad(lambda s: np.sum(s**2))(d)) is np.ndarray
    np.testing.assert_array_equal(cr.grad(lambda s: np.sum(s**2))(d), X * 4)
    np.testing.assert_array_equal(cr.grad(lambda x, s: np.sum(x * s["a"]))(X, {"a": d}), X * 2)
    np.testing.assert_array_equal(cr.grad(lambda x: np.sum(d * x))(X), X * 2)
    np.testing.assert_array_equal(cr.grad(lambda x: np.sum(x * d))(X), X * 2)
    np.testing.assert_array_equal(cr.grad(lambda p: np.sum(p["a"] ** 2))({"a": d})["a"], X * 4)
    np.testing.assert_array_equal(cr.vmap(lambda t: t**2)(d), (X * 2) ** 2)
    np.testing.assert_array_equal(cr.jvp(lambda s: s**2, (d,), (d,))[1], 2 * (X * 2) ** 2)
    np.testing.assert_array_equal(cr.vjp(lambda s: s**2, d)[1](d)[0], 2 * (X * 2) ** 2)
    np.testing.assert_array_equal(cr.hvp(lambda s: np.sum(s**3))(d, d), 6 * (X * 2) ** 2)
    compiled = cr.jit(cr.grad(lambda s, x: np.sum(s**2 * x)))
    for _ in range(2):
        np.testing.assert_array_equal(compiled(d, X), X * 4 * X)
    assert cr.check(lambda s: np.sum(s**2), d)
    np.testing.assert_allclose(cr.minimize(lambda s: np.sum((s - 1) ** 2), d).x, 1.0)


def test_what_dlpack_does_not_give_is_refused() -> None:
    with pytest.raises(cr.errors.ArgumentError, match=r"Elsewhere.*another device"):
        cr.grad(lambda s: np.sum(s**2))(Elsewhere(X))


def test_pytorch_tensors() -> None:
    torch = pytest.importorskip("torch")
    t = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    np.testing.assert_array_equal(cr.grad(lambda x, t: np.sum(x * t + t * x))(X, t), [2, 4, 6])
    assert type(cr.grad(lambda t: np.sum(t**2))(t)) is np.ndarray
    with pytest.raises(cr.errors.ArgumentError, match="gradient"):
        cr.grad(lambda t: np.sum(t**2))(t.requires_grad_())


def test_lists_are_data() -> None:
    np.testing.assert_allclose(
        cr.grad(lambda x, y: np.sum((x - y) ** 2))(X, [1.0, 2.0, 3.0]), 2 * (X - [1, 2, 3])
    )


def test_pandas_objects_are_data() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0], "n": [1, 2, 3]})
    a = frame["a"]
    M = frame.to_numpy()
    expected = 2 * M.T @ (M @ X - a.to_numpy())
    for f in (
        lambda x: np.sum((frame @ x - a) ** 2),
        lambda x: np.sum((frame.dot(x) - a) ** 2),
        lambda x: np.sum((np.dot(frame, x) - a) ** 2),
        lambda x: np.sum((frame.to_numpy() @ x - a) ** 2),
        lambda x: sum((r.a * x[0] + r.b * x[1] + r.n * x[2] - r.a) ** 2 for r in frame.itertuples()),
    ):
        np.testing.assert_allclose(cr.grad(f)(X), expected)
        np.testing.assert_allclose(cr.jit(cr.grad(f))(X), expected)
    np.testing.assert_allclose(cr.grad(lambda x: np.sum(a * x) + np.sum(x * a))(X), 2 * a)
    np.testing.assert_allclose(cr.grad(lambda x: np.sum(x[a > 1.5] ** 2))(X), [0, 4.4, 1.4])
    np.testing.assert_allclose(cr.grad(lambda x: np.sum(x[frame["n"] - 1] ** 2))(X), 2 * X)
    np.testing.assert_allclose(cr.grad(lambda s: np.sum(s**2))(a), 2 * a)
    np.testing.assert_allclose(cr.grad(lambda x, d: np.sum(d.values @ x))(X, frame), M.sum(0))
    np.testing.assert_allclose(cr.grad(lambda x: pd.Series(x).sum())(X), 1.0)
