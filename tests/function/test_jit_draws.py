"""Compiled functions that draw random numbers: the numbers and states of the function itself."""

import warnings
from types import SimpleNamespace
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule import nn

X = np.array([0.5, 1.0, 2.0])
GLOBAL = np.random.default_rng(5)


@pytest.fixture(autouse=True)
def _compiled() -> Any:
    """A function that is left uncompiled says so, with a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def same(f, jitted, calls, generator, twin) -> None:
    """The same results and states, call by call; ``f`` draws from ``twin``."""
    for args in calls:
        np.testing.assert_allclose(jitted(*args), f(*args), rtol=1e-13)
        assert generator.bit_generator.state == twin.bit_generator.state


def test_generators_in_every_place() -> None:
    rng, twin = np.random.default_rng(1), np.random.default_rng(1)
    calls = [(X,), (X * 2,), (X,)]
    same(lambda x: x + twin.normal(size=3), cr.jit(lambda x: x + rng.normal(size=3)), calls, rng, twin)
    holder, other = SimpleNamespace(rng=rng), {"rng": [rng]}
    same(
        lambda x: x * twin.uniform() + twin.integers(5),
        cr.jit(lambda x: x * holder.rng.uniform() + other["rng"][0].integers(5)),
        calls, rng, twin,
    )  # fmt: skip

    def drawing(x, generator=rng):
        return generator.exponential(x)

    same(lambda x: twin.exponential(x), cr.jit(drawing), calls, rng, twin)
    again = np.random.default_rng(5)
    same(
        lambda x: again.normal(x), cr.jit(lambda x: GLOBAL.normal(x)), calls, GLOBAL, again
    )  # fmt: skip


def test_a_generator_may_be_another_one_each_time() -> None:
    f = cr.jit(lambda x, rng: x * rng.normal() + rng.uniform(size=3))
    for seed in range(20):
        expected = np.random.default_rng(seed)
        np.testing.assert_array_equal(
            f(X, np.random.default_rng(seed)), X * expected.normal() + expected.uniform(size=3)
        )
    assert len(f._variants) == 1
    old = np.random.RandomState(0)
    expected = np.random.RandomState(0)
    np.testing.assert_array_equal(f(X, old), X * expected.normal() + expected.uniform(size=3))
    rng = np.random.default_rng(3)
    g = cr.jit(lambda x: x * rng.normal())
    for seed in range(4):
        rng = np.random.default_rng(seed)
        np.testing.assert_array_equal(g(X), X * np.random.default_rng(seed).normal())


def test_a_check_that_fails_after_the_draws_puts_them_back() -> None:
    def f(x, rng):
        a = rng.normal()
        if a > 0:
            return x * a + rng.normal(size=3)
        b = rng.exponential()
        return x - b if x[0] > 1 else x + b

    jitted = cr.jit(f)
    rng, twin = np.random.default_rng(0), np.random.default_rng(0)
    for k in range(60):
        x = X * (1 + k % 3)
        np.testing.assert_array_equal(jitted(x, rng), f(x, twin))
        assert rng.bit_generator.state == twin.bit_generator.state
    assert 2 <= sum(len(v.paths) for v in jitted._variants.values()) <= 3


def test_draws_in_loops_stay_in_order() -> None:
    def walk(x, rng, steps):
        for k in range(steps):
            x = x + rng.normal(0.0, 0.1, 3) * (rng.random() if k % 2 else 1.0)
        return x

    jitted = cr.jit(cr.grad(lambda x, rng, steps: np.sum(walk(x, rng, steps) ** 2)), static="steps")
    plain = cr.grad(lambda x, rng, steps: np.sum(walk(x, rng, steps) ** 2))
    rng, twin = np.random.default_rng(0), np.random.default_rng(0)
    for steps in (3, 7, 3):
        np.testing.assert_allclose(jitted(X, rng, steps), plain(X, twin, steps), rtol=1e-13)
        assert rng.bit_generator.state == twin.bit_generator.state


def test_generators_made_inside() -> None:
    constant = cr.jit(lambda x: x + np.random.default_rng(3).normal(size=3))
    for _ in range(3):
        np.testing.assert_array_equal(constant(X), X + np.random.default_rng(3).normal(size=3))
    seeded = cr.jit(lambda x, seed: x + np.random.default_rng(seed).normal(size=3))
    for seed in range(12):
        np.testing.assert_array_equal(
            seeded(X, seed), X + np.random.default_rng(seed).normal(size=3)
        )
    fresh = cr.jit(lambda x: x + np.random.default_rng().normal())
    assert len({fresh(X)[0] for _ in range(5)}) == 5


def test_the_generator_of_the_module() -> None:
    def f(x):
        np.random.seed(7)  # noqa: NPY002 - the old way
        return x + np.random.rand(3)  # noqa: NPY002

    def g(x):
        return x * np.random.normal(1.0, x)  # noqa: NPY002

    jitted = cr.jit(f)
    for _ in range(3):
        np.testing.assert_array_equal(jitted(X), f(X))
    compiled = cr.jit(g)
    for _ in range(3):
        np.random.seed(2)  # noqa: NPY002
        expected = g(X), g(X)
        np.random.seed(2)  # noqa: NPY002
        np.testing.assert_allclose((compiled(X), compiled(X)), expected, rtol=1e-15)


def test_dropout_and_the_evidence_bound() -> None:
    network = nn.sequential(nn.linear, nn.dropout) if hasattr(nn, "sequential") else None

    def bound(parameters, rng, data):
        mean, scale = parameters["mean"], np.exp(parameters["log_scale"])
        z = rng.normal(mean, scale, (16, 2))
        fit = -0.5 * np.sum((data[:, None] - z) ** 2, axis=-1)
        return np.mean(fit) + np.sum(parameters["log_scale"])

    def loss(w, rng, x):
        return np.mean(nn.dropout(x @ w, 0.5, rng) ** 2)

    assert network is None or callable(network)
    data = np.random.default_rng(1).normal(size=(8, 2))
    parameters = {"mean": np.zeros(2), "log_scale": np.zeros(2)}
    for f, start in ((bound, parameters), (loss, np.ones((2, 3)))):
        rng, twin = np.random.default_rng(0), np.random.default_rng(0)
        compiled, plain = cr.jit(cr.value_and_grad(f)), cr.value_and_grad(f)
        for _ in range(3):
            value, gradient = compiled(start, rng, data)
            expected, slope = plain(start, twin, data)
            np.testing.assert_allclose(value, expected, rtol=1e-12)
            for key in gradient if isinstance(gradient, dict) else [...]:
                np.testing.assert_allclose(gradient[key], slope[key], rtol=1e-12, atol=1e-14)
            assert rng.bit_generator.state == twin.bit_generator.state


def test_looking_at_a_program_draws_nothing() -> None:
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    f = cr.jit(lambda x, rng: x + rng.normal(size=3))
    assert f.lower(X, rng).steps
    assert f.memory(X, rng) > 0
    bound = f.bind(X, rng)
    assert rng.bit_generator.state == before
    twin = np.random.default_rng(0)
    for _ in range(3):
        np.testing.assert_array_equal(bound(), X + twin.normal(size=3))


def test_shared_generators_and_batches() -> None:
    rng, twin = np.random.default_rng(0), np.random.default_rng(0)
    f = cr.jit(lambda x, a, b: x * a.normal() + b.uniform())
    for _ in range(3):
        np.testing.assert_array_equal(f(X, rng, rng), X * twin.normal() + twin.uniform())
    batched = cr.vmap(lambda x: x * rng.normal())
    again = cr.vmap(lambda x: x * twin.normal())
    jitted = cr.jit(batched)
    for _ in range(3):
        np.testing.assert_array_equal(jitted(X), again(X))


@pytest.mark.parametrize(
    "f",
    [
        lambda x, rng: x + np.random.Generator(np.random.PCG64(0)).normal(),
        lambda x, rng: x + rng.bit_generator.random_raw() * 0,
        lambda x, rng: x + rng.spawn(1)[0].normal() * 0,
        lambda x, rng: (x, rng)[0] + len(rng.bytes(3)),
        lambda x, rng: x[rng.permutation(np.arange(3))] * len(shuffled(rng)),
    ],
)
def test_what_cannot_be_repeated_is_left_as_it_is(f: Any) -> None:
    rng, twin = np.random.default_rng(0), np.random.default_rng(0)
    jitted = cr.jit(f)
    with pytest.warns(RuntimeWarning, match="random|shuffle"):
        first = jitted(X, rng)
    np.testing.assert_array_equal(first, f(X, twin))
    np.testing.assert_array_equal(jitted(X, rng), f(X, twin))
    assert rng.bit_generator.state == twin.bit_generator.state


def shuffled(rng: Any) -> list[int]:
    order = [1, 2, 3]
    rng.shuffle(order)
    return order


def test_training_with_a_loss_that_draws_is_compiled() -> None:
    rng = np.random.default_rng(0)
    data = np.random.default_rng(1).normal(size=(64, 3))
    target = data @ np.array([1.0, -1.0, 0.5])

    def loss(w, x, y):
        return np.mean((nn.dropout(x, 0.1, rng) @ w - y) ** 2)

    result = cr.fit(loss, np.zeros(3), (data, target), epochs=3, batch_size=16)
    rng = np.random.default_rng(0)
    plain = cr.fit(loss, np.zeros(3), (data, target), epochs=3, batch_size=16, compile=False)
    np.testing.assert_allclose(result.params, plain.params, rtol=1e-10)
