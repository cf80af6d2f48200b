"""Gradient transformations: any nesting, one compiled program for a whole step, clear errors."""

from dataclasses import dataclass
from typing import NamedTuple

import chainrule as cr
import numpy as np
import pytest
from chainrule import optim as o
from chainrule.errors import ArgumentError
from chainrule.trace.tree import flatten

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(30, 4)), RNG.normal(size=30)

OPTIMIZERS = {
    "sgd": o.sgd(0.1),
    "sgd, all": o.sgd(o.cosine(0.1, 20), 0.9, dampening=0.1, weight_decay=0.01),
    "nesterov": o.sgd(o.step_decay(0.1, 5), 0.9, nesterov=True),
    "adam": o.adam(o.one_cycle(0.1, 20)),
    "adamw": o.adamw(o.warm_up(0.1, 5)),
    "rmsprop": o.rmsprop(o.exponential(0.01, 0.9), momentum=0.5, centered=True),
    "adagrad": o.adagrad(o.linear(0.1, 0.01, 10), 0.1),
    "chain": o.chain(
        o.clip_by_value(1.0),
        o.clip_by_global_norm(0.5),
        o.adamw(o.join([o.constant(0.1), o.piecewise(0.1, {3: 0.1, 7: 0.5})], [4])),
    ),
    "by hand": o.chain(
        o.add_decayed_weights(0.1), o.scale_by_schedule(lambda k: 1 / (k + 1)), o.scale(-0.1)
    ),
}


class Layer(NamedTuple):
    weight: np.ndarray
    bias: np.ndarray


@dataclass
class Model:
    layer: Layer
    scales: list


def loss(p):
    hidden = np.tanh(X @ p["m"].layer.weight + p["m"].layer.bias)
    return np.mean((hidden * p["m"].scales[0] + p["shift"][0] - Y) ** 2)


def start(dtype=np.float64):
    layer = Layer(np.full(4, 0.5, dtype), np.zeros(1, dtype))
    return {"m": Model(layer, [dtype(1.5)]), "shift": (np.zeros((), dtype)[()],)}


def stepper(optimizer):
    def step(params, state):
        value, grads = cr.value_and_grad(loss)(params)
        updates, state = optimizer.update(grads, state, params)
        return o.apply_updates(params, updates), state, value

    return step


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_compiled_step_is_the_step_and_compiles_once(name):
    optimizer = OPTIMIZERS[name]
    plain = stepper(optimizer)

    compiled = cr.jit(plain)
    params = reference = start()
    state = reference_state = optimizer.init(params)
    for _ in range(20):
        params, state, value = compiled(params, state)
        reference, reference_state, expected = plain(reference, reference_state)
        assert value == pytest.approx(expected, rel=1e-13)
    for found, right in zip(
        flatten((params, state))[0], flatten((reference, reference_state))[0], strict=True
    ):
        np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-14)
        assert np.asarray(found).dtype == np.asarray(right).dtype
    (variant,) = compiled._variants.values()
    assert variant.traced == 1
    assert compiled._left is None
    assert type(params["m"]) is Model
    assert type(params["m"].layer) is Layer


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_single_precision_stays_single(name):
    step = stepper(OPTIMIZERS[name])
    params = start(np.float32)
    state = OPTIMIZERS[name].init(params)
    for _ in range(2):
        params, state, _ = step(params, state)
    assert {leaf.dtype for leaf in flatten(params)[0]} == {np.dtype("f4")}
    assert {np.asarray(leaf).dtype.str for leaf in flatten(state)[0]} <= {"<f4", "<i8"}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_it_goes_down(name):
    step, params = stepper(OPTIMIZERS[name]), start()
    before, state = loss(params), OPTIMIZERS[name].init(params)
    for _ in range(20):
        params, state, _ = step(params, state)
    assert loss(params) < before


def test_a_python_number_is_a_parameter():
    optimizer = o.adam(0.5)
    params, state = 3.0, optimizer.init(3.0)
    for _ in range(200):
        updates, state = optimizer.update(2 * params, state, params)
        params = o.apply_updates(params, updates)
    assert params == pytest.approx(0, abs=1e-3)


def test_a_schedule_of_ones_own_may_branch_and_look_up():
    table = np.linspace(0.1, 0.01, 20)
    for schedule, paths in ((lambda k: 0.1 if k < 5 else 0.01, 2), (lambda k: np.interp(k, np.arange(20), table), 1)):
        plain = stepper(o.sgd(schedule))
        compiled = cr.jit(plain)
        params = reference = start()
        state = reference_state = o.sgd(schedule).init(params)
        for _ in range(20):
            params, state, _ = compiled(params, state)
            reference, reference_state, _ = plain(reference, reference_state)
        np.testing.assert_allclose(
            params["m"].layer.weight, reference["m"].layer.weight, rtol=1e-12
        )
        assert [variant.traced for variant in compiled._variants.values()] == [paths]


def test_the_order_of_dict_entries_does_not_matter():
    params = {"a": np.ones(1), "b": np.ones(2)}
    updates = {"b": np.full(2, 2.0), "a": np.full(1, 1.0)}
    moved = o.apply_updates(params, updates)
    assert moved["a"].tolist() == [2.0]
    assert moved["b"].tolist() == [3.0, 3.0]


def test_a_rate_may_be_an_input():
    """A program for each rate is not what is wanted in a search for one."""
    step = cr.jit(lambda w, rate: o.sgd(1.0).update(w, o.sgd(1.0).init(w))[0] * rate)
    assert step(np.ones(1), 0.5).tolist() == [-0.5]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: o.adam(beta1=1.0), "beta1 is 1.0"),
        (lambda: o.sgd("fast"), "learning_rate is 'fast'"),
        (lambda: o.sgd(np.nan), "learning_rate is nan"),
        (lambda: o.sgd(0.1, nesterov=True), "nesterov"),
        (lambda: o.clip_by_value(-1.0), "limit is -1.0"),
        (lambda: o.chain(o.sgd(0.1), 0.1), "argument 1 is a float"),
        (lambda: o.scale_by_schedule(0.1), "function of the step"),
        (lambda: o.cosine(0.1, steps=0), "steps is 0"),
        (lambda: o.one_cycle(0.1, steps=2), "no room"),
        (lambda: o.join([o.constant(0.1)], [3]), "1 schedules and 1 boundaries"),
        (lambda: o.adamw().update(np.ones(2), o.adamw().init(np.ones(2))), "needs the parameters"),
        (lambda: o.apply_updates({"w": 1.0}, {"v": 1.0}), r"is without \['w'\]"),
        (lambda: o.adam().update([1.0], o.adam().init((1.0, 2.0))), r"is without \[1\]"),
    ],
)
def test_errors_name_what_is_wrong(make, says):
    with pytest.raises(ArgumentError, match=says):
        make()


def test_zero_gradients_do_no_harm():
    for optimizer in OPTIMIZERS.values():
        params = np.zeros(3)
        updates, _ = optimizer.update(np.zeros(3), optimizer.init(params), params)
        assert np.all(updates == 0)


def test_no_parameters_at_all():
    assert o.adam().update({}, o.adam().init({}), {})[0] == {}
    assert o.global_norm(()) == 0
