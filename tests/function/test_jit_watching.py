"""What a compiled function reads besides its arguments is seen when it changes."""

import random
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace

import chainrule as cr
import numpy as np
import pytest
from chainrule.function import paths

SCALE = np.array([1.0, 2.0, 3.0])
RATE = 0.5
LISTED = [1.0, 2.0]
NAMED = {"w": np.ones(3), "b": 0.0}
X = np.arange(3.0)


def traces(monkeypatch):
    """Count how often anything is traced."""
    counted = []
    original = paths._trace

    def counting(*args):
        counted.append(1)
        return original(*args)

    monkeypatch.setattr(paths, "_trace", counting)
    return counted


def uses_globals(x):
    return SCALE * x + RATE + sum(LISTED) + NAMED["w"] * NAMED["b"]


def test_globals(monkeypatch):
    f = cr.jit(uses_globals)
    names = globals()
    before = {k: names[k] for k in ("SCALE", "RATE", "LISTED", "NAMED")}
    try:
        assert np.array_equal(f(X), uses_globals(X))
        SCALE[:] = 7.0
        assert np.array_equal(f(X), uses_globals(X))
        names["SCALE"] = np.array([4.0, 5.0, 6.0])
        assert np.array_equal(f(X), uses_globals(X))
        names["SCALE"] = np.array([4.0, 5.0, 6.0], np.float32)
        assert np.array_equal(f(X), uses_globals(X))
        names["RATE"] = 1.5
        assert np.array_equal(f(X), uses_globals(X))
        names["RATE"] = 2
        assert np.array_equal(f(X), uses_globals(X))
        LISTED.append(8.0)
        assert np.array_equal(f(X), uses_globals(X))
        LISTED[0] = 5.0
        assert np.array_equal(f(X), uses_globals(X))
        NAMED["b"] = 2.0
        assert np.array_equal(f(X), uses_globals(X))
        NAMED["w"] = np.full(3, 2.0)
        assert np.array_equal(f(X), uses_globals(X))
        NAMED["w"][1] = 9.0
        assert np.array_equal(f(X), uses_globals(X))
    finally:
        names.update(before)


def test_arrays_of_the_same_type_and_floats_are_inputs(monkeypatch):
    counted = traces(monkeypatch)
    a, r = np.ones(3), 1.0

    def f(x):
        return a * x * r

    g = cr.jit(f)
    for k in range(20):
        a = np.full(3, float(k))
        assert np.array_equal(g(X), f(X))
    assert len(counted) == 1
    for k in range(20):
        r = 0.5 + k
        assert np.array_equal(g(X), f(X))
    assert len(counted) == 2  # once to see that it changes


def test_arrays_computed_from_closure_arrays():
    a = np.array([1.0, 2.0, 3.0])

    def f(x):
        centred = a - a.mean()
        return x @ centred / float(a[0])

    g = cr.jit(f)
    for k in range(4):
        a[:] = np.arange(3.0) * k + 1
        assert np.allclose(g(X), f(X))
    a = np.array([5.0, 5.0, 9.0])
    assert np.allclose(g(X), f(X))


def test_views_and_arrays_that_share_memory():
    base = np.arange(6.0)
    top = base[:3]

    def f(x):
        return x * top + base[3:] + base.reshape(2, 3).T[:, 0]

    g = cr.jit(f)
    assert np.array_equal(g(X), f(X))
    base[:] = 7.0
    assert np.array_equal(g(X), f(X))
    top = np.ones(3)
    assert np.array_equal(g(X), f(X))
    assert np.array_equal(g(X), f(X))


def test_one_array_in_two_places():
    a = b = np.ones(3)

    def f(x):
        return a * x - b

    g = cr.jit(f)
    assert np.array_equal(g(X), f(X))
    b = np.full(3, 2.0)
    assert np.array_equal(g(X), f(X))
    a = b
    assert np.array_equal(g(X), f(X))


def test_functions_called_by_name():
    w = np.ones(3)

    def inner(x):
        return w * x

    def outer(x):
        return inner(x) + 1

    f = cr.jit(outer)
    assert np.array_equal(f(X), outer(X))
    w[:] = 2.0
    assert np.array_equal(f(X), outer(X))
    w = np.full(3, 5.0)
    assert np.array_equal(f(X), outer(X))

    def inner(x):  # noqa: F811 - another one under the name
        return x - w

    assert np.array_equal(f(X), outer(X))


def test_recursion():
    w = np.ones(3)

    def power(x, n):
        return w if n == 0 else x * power(x, n - 1)

    f = cr.jit(power)
    for n in range(4):
        w = w + 1
        assert np.array_equal(f(X, n), power(X, n))


def test_defaults():
    def f(x, a=np.ones(3), *, b=np.ones(3)):  # noqa: B008 - on purpose
        return a * x + b

    g = cr.jit(f)
    assert np.array_equal(g(X), f(X))
    f.__defaults__[0][:] = 4.0
    f.__kwdefaults__["b"][:] = 5.0
    assert np.array_equal(g(X), f(X))
    f.__kwdefaults__["b"] = np.full(3, 6.0)
    assert np.array_equal(g(X), f(X))
    assert np.array_equal(g(X, b=2.0), f(X, b=2.0))


class Model:
    def __init__(self, w):
        self.w = w
        self.rate = 2.0

    def predict(self, x):
        return self.w * x * self.rate

    @cr.jit
    def decorated(self, x):
        return self.w * x + 1

    def __call__(self, x):
        return self.predict(x) + SCALE


@pytest.mark.parametrize("way", ["method", "instance", "argument", "closure", "decorated"])
def test_objects(way):
    model = Model(np.ones(3))

    def closes(x):
        return model.predict(x) - 1

    def takes(m, x):
        return m.predict(x)

    f, jitted = {
        "method": (model.predict, cr.jit(model.predict)),
        "instance": (model, cr.jit(model)),
        "argument": (partial(takes, model), partial(cr.jit(takes), model)),
        "closure": (closes, cr.jit(closes)),
        "decorated": (lambda x: Model.decorated.__wrapped__(model, x), model.decorated),
    }[way]
    assert np.array_equal(jitted(X), f(X))
    model.w[:] = 3.0
    assert np.array_equal(jitted(X), f(X))
    model.w = np.full(3, 4.0)
    assert np.array_equal(jitted(X), f(X))
    model.rate = 5.0
    assert np.array_equal(jitted(X), f(X))
    SCALE[:] = SCALE + 1
    assert np.array_equal(jitted(X), f(X))


def test_nested_objects_and_namespaces():
    @dataclass
    class Inner:
        w: np.ndarray

    config = SimpleNamespace(inner=Inner(np.ones(3)), lists=[np.ones(3), (np.ones(3),)])

    def f(x):
        return config.inner.w * x + config.lists[0] + config.lists[1][0]

    g = cr.jit(f)
    assert np.array_equal(g(X), f(X))
    config.inner.w[:] = 2.0
    assert np.array_equal(g(X), f(X))
    config.inner.w = np.full(3, 4.0)
    assert np.array_equal(g(X), f(X))
    config.inner = Inner(np.full(3, 7.0))
    assert np.array_equal(g(X), f(X))
    config.lists[0] = np.full(3, 7.0)
    config.lists[1][0][:] = 8.0
    assert np.array_equal(g(X), f(X))


def test_derivatives_of_functions_with_closures():
    data = np.array([1.0, 2.0, 3.0])

    def loss(w):
        return np.sum((w * data - RATE) ** 2)

    for f in (cr.grad(loss), cr.hessian(loss), cr.vmap(cr.grad(loss)), partial(cr.grad(loss))):
        g = cr.jit(f)
        x = np.ones((2, 3)) if isinstance(f, type(cr.vmap(loss))) else X
        for _ in range(3):
            assert np.allclose(g(x), f(x))
            data[:] = data * 2
        data = np.ones(3)
        assert np.allclose(g(x), f(x))


def test_generators_draw_at_each_call():
    rng, other = np.random.default_rng(1), np.random.default_rng(1)
    f = cr.jit(lambda x: x + rng.normal(size=3))
    assert np.array_equal(f(X), X + other.normal(size=3))
    assert np.array_equal(f(X), X + other.normal(size=3))

    g = cr.jit(lambda x, rng: x * rng.uniform())
    assert np.array_equal(g(X, rng), X * other.uniform())

    np.random.seed(0)  # noqa: NPY002 - the old way
    expected = [X + np.random.rand(3), X + np.random.rand(3)]  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    h = cr.jit(lambda x: x + np.random.rand(3))  # noqa: NPY002
    assert np.array_equal(h(X), expected[0])
    assert np.array_equal(h(X), expected[1])

    random.seed(0)
    numbers = [random.random(), random.random()]  # noqa: S311
    random.seed(0)
    k = cr.jit(lambda x: x + random.random())  # noqa: S311
    with pytest.warns(RuntimeWarning, match="random"):
        assert np.array_equal(k(X), X + numbers[0])
    assert np.array_equal(k(X), X + numbers[1])

    def own(x):
        return x + np.random.default_rng().normal()

    first = cr.jit(own)(X)
    assert not np.array_equal(first, cr.jit(lambda x: x)(X))


def test_effects_happen_at_each_call():
    seen = []

    def f(x):
        seen.append(x.sum())
        return x * 2

    g = cr.jit(f)
    assert np.array_equal(g(X), X * 2)
    with pytest.warns(RuntimeWarning, match="changes a list"):
        g(X)
    g(X)
    assert seen == [3.0, 3.0, 3.0]

    count = 0

    def counting(x):
        nonlocal count
        count += 1
        return x * count

    h = cr.jit(counting)
    h(X)
    with pytest.warns(RuntimeWarning, match="count"):
        h(X)
    assert np.array_equal(h(X), X * 3)
    assert count == 3

    out = np.zeros(3)

    def writes(x):
        out[:] = x
        return x + 1

    k = cr.jit(writes)
    for factor in (1, 2, 3):
        k(X * factor)
        assert np.array_equal(out, X * factor)


def test_a_cache_is_filled_once(recwarn):
    cache = {}

    def f(x):
        if "w" not in cache:
            cache["w"] = np.ones(3)
        return cache["w"] * x

    g = cr.jit(f)
    for _ in range(3):
        assert np.array_equal(g(X), f(X))
    cache["w"][:] = 2.0
    assert np.array_equal(g(X), f(X))
    assert not [w for w in recwarn if "compiled" in str(w.message)]


def test_arrays_that_cannot_be_traced_are_compared():
    index = np.array([2, 0, 1])

    def f(x):
        order = sorted(index.tolist(), key=lambda k: -k)
        return x[order] + len(np.unique(index))

    g = cr.jit(f)
    assert np.array_equal(g(X), f(X))
    index[:] = [1, 1, 0]
    assert np.array_equal(g(X), f(X))


def test_rebinding_from_a_function_to_another():
    activation = np.tanh

    def f(x):
        return activation(x)

    g = cr.jit(f)
    assert np.array_equal(g(X), f(X))
    activation = np.sin
    assert np.array_equal(g(X), f(X))


def test_what_changes_each_time_is_left_alone():
    class Tag:
        pass

    tag = Tag()

    def f(x):
        return x if tag else -x

    g = cr.jit(f)
    with pytest.warns(RuntimeWarning, match="tag changes"):  # noqa: PT031
        for _ in range(80):
            tag = Tag()
            assert np.array_equal(g(X), X)


def test_slots_and_class_attributes():
    class Slotted:
        __slots__ = ("w",)

        def __init__(self):
            self.w = X.copy()

    class Shared:
        w = X.copy()
        rate = 2.0

        @classmethod
        def scale(cls, x):
            return cls.w * x * cls.rate

    held = Slotted()

    def f(x):
        return x * (held.w - held.w.mean()) + Shared.scale(x)

    g = cr.jit(f)
    assert np.allclose(g(X), f(X))
    held.w[0] = 9.0
    assert np.allclose(g(X), f(X))
    held.w = np.array([1.0, 5.0, 3.0])
    assert np.allclose(g(X), f(X))
    Shared.w[1] = 5.0
    assert np.allclose(g(X), f(X))
    Shared.w = X + 1
    assert np.allclose(g(X), f(X))
    Shared.rate = 3.0
    assert np.allclose(g(X), f(X))
    assert np.allclose(g(X), f(X))
