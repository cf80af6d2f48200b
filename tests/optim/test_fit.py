"""``fit``: what comes in, how it ends, and that it is the same every time."""

import pickle
import time
import warnings

import chainrule as cr
import numpy as np
import pytest
from chainrule import optim as o
from chainrule.errors import ArgumentError

RNG = np.random.default_rng(1)
TRUE = np.array([1.0, -2.0, 0.5])
X = RNG.normal(size=(100, 3))
Y = X @ TRUE + 0.01 * RNG.normal(size=100)


def loss(p, X, y):
    return np.mean((X @ p["w"] + p["b"] - y) ** 2)


def zero():
    return {"w": np.zeros(3), "b": 0.0}


def same(one, other):
    """Bit for bit."""
    assert one.history.loss.tobytes() == other.history.loss.tobytes()
    assert one.params["w"].tobytes() == other.params["w"].tobytes()


# ---------------------------------------------------------------- what comes in


def test_it_learns_and_leaves_the_start_alone():
    start = zero()
    result = cr.fit(loss, start, (X, Y), optimizer=o.adam(0.05), epochs=60)
    assert result.success
    np.testing.assert_allclose(result.params["w"], TRUE, atol=0.01)
    assert start["w"].tolist() == [0, 0, 0]
    assert result.steps == 60 * 4 == len(result.history.loss) == len(result.history.gradient_norm)
    assert result.epochs == 60 == len(result.history.epoch_loss)
    assert result.loss == result.history.epoch_loss[-1] < 1e-3
    assert "60 epochs" in repr(result)


def test_an_epoch_meets_each_example_once():
    met = []

    def look(p, rows):
        met.extend(np.asarray(rows).tolist())
        return p * 0.0

    cr.fit(look, 1.0, np.arange(10.0), batch_size=4, epochs=2, compile=False)
    assert sorted(met[:10]) == sorted(met[10:]) == list(range(10))
    assert met[:10] != met[10:]


def test_the_mean_of_an_epoch_weighs_examples_alike():
    result = cr.fit(
        lambda p, x: np.mean(x) + 0.0 * p, 1.0, np.arange(10.0), batch_size=4, epochs=1
    )
    assert result.loss == pytest.approx(4.5)


def test_the_seed_makes_it_the_same():
    same(cr.fit(loss, zero(), (X, Y), seed=3), cr.fit(loss, zero(), (X, Y), seed=3))
    one, other = (cr.fit(loss, zero(), (X, Y), seed=s).history.loss for s in (3, 4))
    assert not np.array_equal(one, other)


def test_compiled_and_not_agree():
    one, other = (cr.fit(loss, zero(), (X, Y), compile=c) for c in (True, False))
    np.testing.assert_allclose(one.history.loss, other.history.loss, rtol=1e-12)


@pytest.mark.parametrize("nested", ["dict", "array", "memmap", "lists", "generator", "function"])
def test_data_of_all_kinds(nested, tmp_path):
    """Batches are the same in whatever they come."""
    expected = cr.fit(loss, zero(), (X, Y), shuffle=False, epochs=1)
    batches = [(X[k : k + 32], Y[k : k + 32]) for k in range(0, 100, 32)]
    function, data = loss, (X, Y)
    if nested == "dict":
        function, data = (lambda p, d: loss(p, d["x"], d["y"])), {"x": X, "y": Y}
    elif nested == "array":
        function, data = (lambda p, a: loss(p, a[:, :3], a[:, 3])), np.column_stack([X, Y])
    elif nested == "memmap":
        np.save(tmp_path / "x.npy", X)
        data = (np.load(tmp_path / "x.npy", mmap_mode="r"), Y)
    elif nested == "lists":
        data = batches
    elif nested == "generator":
        data = (batch for batch in batches)
    elif nested == "function":
        data = lambda: iter(batches)  # noqa: E731
    result = cr.fit(function, zero(), data, shuffle=False, epochs=1)
    np.testing.assert_allclose(result.history.loss, expected.history.loss, rtol=1e-12)
    np.testing.assert_allclose(result.params["w"], expected.params["w"], rtol=1e-12)


def test_no_data_is_descent():
    result = cr.fit(lambda w: np.sum((w - 3.0) ** 2), np.zeros(2), optimizer=o.sgd(0.1), steps=100)
    np.testing.assert_allclose(result.params, 3.0, atol=1e-6)
    assert result.steps == 100


def test_a_loss_of_something_else_is_noticed():
    result = cr.fit(lambda w, x: np.mean(x), np.zeros(3), X, epochs=1)
    assert "The gradient was 0 at every step: does the loss depend on params?" in result.message


def test_a_result_can_be_kept():
    result = cr.fit(loss, zero(), (X, Y), optimizer=o.adamw(o.cosine(0.1, 40)))
    same(pickle.loads(pickle.dumps(result)), result)  # noqa: S301


def test_an_endless_stream_ends_by_steps():
    def stream():
        rng = np.random.default_rng(0)
        while True:
            x = rng.normal(size=(8, 3))
            yield x, x @ TRUE

    result = cr.fit(loss, zero(), stream(), steps=7)
    assert result.steps == 7
    assert result.message == "Ended after 7 steps, as asked."


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"data": (X, Y[:-1])}, r"data\[0\] has 100, data\[1\] has 99"),
        ({"data": (X[:0], Y[:0])}, "no examples"),
        ({"data": [X, Y]}, "a list, which could be arrays or batches"),
        ({"data": (X, np.full(100, "a"))}, r"data\[1\] has dtype <U1"),
        ({"data": (X, 3.0)}, "is a single number"),
        ({"data": 3}, "data is a int"),
        ({"data": iter([]), "epochs": 1}, "no batch in epoch 1"),
        ({"data": iter([(X, Y)]), "epochs": 2}, "can be read once"),
        ({"data": [(X[:0], Y[:0])]}, "batch of data is empty"),
        ({"params": {"w": np.zeros(3, int), "b": 0.0}}, r"params\['w'\] has dtype int64"),
        ({"params": {}}, "holds no arrays"),
        ({"data": (np.ma.masked_array(X, X > 1), Y)}, r"data\[0\] is a masked array"),
        ({"data": [(np.ma.masked_array(X, X > 1), Y)]}, "a batch of data is a masked array"),
        ({"data": (X.tolist(), Y.tolist())}, r"data\[0\]\[0\]\[0\] is a single number.* by np.array"),
        ({"validation": iter([(X, Y)])}, "validation is a list_iterator"),
        ({"callbacks": 3}, "a callback is a int"),
        ({"callbacks": [print, "a"]}, "a callback is a str"),
        ({"params": {"w": np.array([0, np.nan, 0]), "b": 0.0}}, r"start from nan at \['w'\]\[1\]"),
        ({"optimizer": o.adam}, "optimizer is 'adam', which is not"),
        ({"optimizer": 0.1}, "optimizer is '0.1', which is not"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"epochs": 1.5}, "epochs is 1.5"),
        ({"seed": -1}, "seed is -1"),
        ({"validation": (X, Y[:3])}, r"validation\[1\] has 3"),
    ],
)
def test_bad_input_is_refused_in_words(arguments, says):
    given = {"params": zero(), "data": (X, Y), **arguments}
    with pytest.raises(ArgumentError, match=says):
        cr.fit(loss, given.pop("params"), given.pop("data"), **given)


def test_single_precision_stays_single():
    start = {"w": np.zeros(3, "f"), "b": np.float32(0.0)}
    result = cr.fit(loss, start, (X.astype("f"), Y.astype("f")), optimizer=o.adam(o.cosine(0.1, 40)))
    assert {result.params["w"].dtype, result.params["b"].dtype} == {np.dtype("f4")}


def test_a_loss_that_is_no_number_is_refused():
    with pytest.raises(cr.errors.NotScalar):
        cr.fit(lambda w, x, y: x @ w - y, np.zeros(3), (X, Y))


def test_an_error_on_the_way_loses_nothing(tmp_path):
    def batches():
        for k in range(0, 60, 20):
            yield X[k : k + 20], Y[k : k + 20]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone") as caught:
        cr.fit(loss, zero(), batches, epochs=2, checkpoint=tmp_path)
    result = caught.value.result
    assert (result.steps, result.success) == (3, False)
    assert "after step 3 (epoch 1): the disk is gone" in result.message
    assert "This was after step 3 (epoch 1) of fit" in caught.value.__notes__[0]
    whole = [(X[k : k + 20], Y[k : k + 20]) for k in range(0, 100, 20)]
    again = cr.fit(loss, zero(), whole, epochs=1, checkpoint=tmp_path)
    same(again, cr.fit(loss, zero(), whole, epochs=1))


def test_an_error_of_the_loss_is_its_own():
    with pytest.raises(ValueError, match=r"shapes|mismatch|dimension"):
        cr.fit(loss, {"w": np.zeros(4), "b": 0.0}, (X, Y))


# ---------------------------------------------------------------- how it ends


def test_patience_returns_the_best():
    rng = np.random.default_rng(0)
    few, noise = rng.normal(size=(12, 10)), rng.normal(size=12)
    other, more = rng.normal(size=(50, 10)), rng.normal(size=50)
    result = cr.fit(
        lambda w, x, y: np.mean((x @ w - y) ** 2),
        np.full(10, 0.5),
        (few, noise),
        validation=(other, more),
        optimizer=o.adam(0.05),
        epochs=500,
        patience=5,
    )
    validation = result.history.validation_loss
    assert result.epochs == len(validation) < 500
    assert np.argmin(validation) == len(validation) - 6
    assert np.mean((other @ result.params - more) ** 2) == pytest.approx(validation.min())
    assert "no better validation loss" in result.message


def test_callbacks_see_each_step_and_can_stop():
    seen = []

    def callback(at):
        seen.append((at.step, at.epoch, at.epoch_loss is not None, at.params["w"].copy()))
        return at.step == 6

    result = cr.fit(loss, zero(), (X, Y), callbacks=callback, batch_size=25)
    assert [s[:3] for s in seen] == [
        (1, 1, False), (2, 1, False), (3, 1, False), (4, 1, True), (5, 2, False), (6, 2, False)
    ]  # fmt: skip
    assert result.message == "Ended by a callback."
    assert result.params["w"].tobytes() == seen[-1][3].tobytes()


def broken(function, params, data, **options):
    with pytest.warns(RuntimeWarning, match="fit broke off"):
        result = cr.fit(function, params, data, **options)
    assert not result.success
    return result


def test_nan_in_the_data_is_found():
    bad = X.copy()
    bad[71, 2] = np.nan
    result = broken(loss, zero(), (bad, Y))
    assert "nan at [0][71, 2]" in result.message
    assert np.isfinite(result.params["w"]).all()
    assert len(result.history.loss) == result.steps


def test_nan_in_the_loss_is_found():
    def log_loss(w, x):
        inner = x @ w
        return np.mean(np.log(inner))

    result = broken(log_loss, -np.ones(3), np.abs(X))
    assert "the result of log" in result.message
    assert "return np.mean(np.log(inner))" in result.message
    assert "step 1 (epoch 1, batch 1)" in result.message
    assert result.params.tolist() == [-1, -1, -1]


def test_nan_in_the_gradient_is_found():
    def norm(w, x):
        return np.mean(np.sqrt(np.sum((x * w) ** 2, axis=1)))

    result = broken(norm, np.zeros(3), X)
    assert "its gradient is not" in result.message
    assert "arises in sqrt" in result.message


def test_divergence_is_found():
    result = broken(loss, zero(), (X, Y), optimizer=o.sgd(3.0), epochs=100)
    assert "smaller learning rate" in result.message
    assert np.isfinite(result.params["w"]).all()
    assert result.history.loss.max() < 1e9


def test_nan_in_the_validation_set_is_found():
    bad = X.copy()
    bad[5, 1] = np.inf
    result = broken(loss, zero(), (X, Y), validation=(bad, Y), patience=3)
    assert "after epoch 1 (step 4): the validation loss is" in result.message
    assert "The validation set given to the loss has inf at [0][5, 1]" in result.message
    assert result.steps == 4


def test_an_interrupt_loses_nothing():
    def callback(at):
        if at.step == 5:
            raise KeyboardInterrupt

    result = cr.fit(loss, zero(), (X, Y), callbacks=[callback])
    assert not result.success
    assert result.steps == 5 == len(result.history.loss)
    assert result.message == "Interrupted after 5 steps."


# ---------------------------------------------------------------- how it is seen


def test_it_is_silent_where_no_terminal_is(capfd):
    cr.fit(loss, zero(), (X, Y), epochs=1)
    assert capfd.readouterr() == ("", "")


def test_the_bar_shows_loss_and_rate(capfd):
    cr.fit(loss, zero(), (X, Y), epochs=3, validation=(X, Y), progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    for word in ("epoch 3", "loss", "val", "lr 0.001", "steps/s", "12/12"):
        assert word in err


def test_the_bar_moves(capfd):
    """Short epochs do not keep it from being drawn."""
    pause = lambda at: time.sleep(0.02)  # noqa: E731
    cr.fit(loss, zero(), (X, Y), epochs=20, batch_size=50, callbacks=pause, progress=True)
    assert capfd.readouterr().err.count("/40") >= 5


def test_the_history_is_drawn():
    plt = pytest.importorskip("matplotlib.pyplot")
    result = cr.fit(loss, zero(), (X, Y), validation=(X, Y), epochs=3)
    left, right = result.plot()
    assert [line.get_label() for line in left.get_lines()] == [
        "each step", "mean of an epoch", "validation"
    ]  # fmt: skip
    assert len(right.get_lines()[0].get_xdata()) == 12
    plt.close(left.figure)


def test_the_learning_rate_is_recorded_and_told():
    schedule = o.cosine(0.1, 8)
    told = []
    optimizer = o.chain(o.clip_by_value(1.0), o.adamw(schedule))
    result = cr.fit(
        loss, zero(), (X, Y), optimizer=optimizer, epochs=2,
        callbacks=lambda at: told.append(at.learning_rate) and None,
    )  # fmt: skip
    np.testing.assert_allclose(result.history.learning_rate, [schedule(k) for k in range(8)])
    np.testing.assert_allclose(told, result.history.learning_rate)
    init, update = optimizer  # a pair, all the same
    assert (init, update) == (optimizer.init, optimizer.update)
    assert cr.fit(loss, zero(), (X, Y), epochs=1).history.learning_rate.tolist() == [1e-3] * 4


def test_an_optimizer_of_ones_own_tells_no_rate():
    class Pair:
        init = staticmethod(lambda params: ())
        update = staticmethod(lambda g, s, p: (o.tree_map(lambda x: -0.1 * x, g), s))

    told = []
    own = {"optimizer": Pair(), "callbacks": lambda at: told.append(at.learning_rate)}
    result = cr.fit(loss, zero(), (X, Y), epochs=1, **own)
    assert result.success
    assert told == [None] * 4
    assert result.history.learning_rate.size == 0
    result = cr.fit(loss, zero(), (X, Y), epochs=1, optimizer=o.chain(Pair(), o.scale(2.0)))
    assert result.history.learning_rate.size == 0


def test_all_is_compiled_before_the_first_step():
    calls = []

    def watched(p, X, y):
        calls.append(len(X))
        return loss(p, X, y)

    def callback(at):
        calls.append("step")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it may be seen to write, and is then left as it is
        cr.fit(watched, zero(), (X, Y), epochs=1, validation=(X, Y), callbacks=callback)
    assert {32, 4, 100} <= set(calls[: calls.index("step")])


# ---------------------------------------------------------------- what a loss draws


def noisy(p, X, y, rng=None):
    noise = 0.0 if rng is None else rng.normal(size=3)
    return np.mean((X @ (p["w"] + noise) + p["b"] - y) ** 2)


def drawn(**options):
    return cr.fit(noisy, zero(), (X, Y), optimizer=o.sgd(0.01), **options)


def test_a_loss_is_given_a_generator():
    one, again, other = (drawn(epochs=3, seed=s) for s in (0, 0, 1))
    same(one, again)
    assert not np.array_equal(one.history.loss, other.history.loss)
    assert len(set(one.history.loss.tolist())) == 12
    np.testing.assert_allclose(drawn(epochs=3, compile=False).history.loss, one.history.loss, rtol=1e-12)


def test_evaluation_draws_nothing():
    result = drawn(epochs=2, validation=(X, Y))
    assert result.history.validation_loss[-1] == pytest.approx(loss(result.params, X, Y), rel=1e-12)


def test_draws_go_on_where_they_stopped(tmp_path):
    whole = drawn(epochs=4)
    drawn(steps=5, checkpoint=tmp_path)
    same(drawn(epochs=4, checkpoint=tmp_path), whole)


def test_nan_is_explained_with_the_draws_of_its_step():
    def log_loss(w, x, rng):
        drawn = rng.normal(size=3) + 2.0
        return np.mean(np.log(w * drawn[0] + x))

    result = broken(log_loss, 1.0, -np.abs(X[:, 0]) - 50.0, steps=3)
    assert "the result of log" in result.message


def test_it_never_changes_tier():
    """One program for whole batches and one for the last, both made in the first epoch."""
    programs = []
    original = o.training._Training.train

    def train(self, *rest):
        result = original(self, *rest)
        programs.append([v.traced for v in self.step._variants.values()])
        assert self.step._left is None
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(o.training._Training, "train", train)
        cr.fit(loss, zero(), (X, Y), optimizer=o.adam(o.cosine(0.1, 40)))
    assert programs == [[1, 1]]
