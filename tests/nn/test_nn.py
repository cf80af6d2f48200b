"""What `nn` does besides agreeing with PyTorch: draws, names, shapes, precision, and refusals."""

from functools import partial

import chainrule as cr
import numpy as np
import pytest
from chainrule import nn
from chainrule.errors import ArgumentError, ShapeMismatch

RNG = np.random.default_rng(3)
X = RNG.normal(size=(6, 4))


def generator():
    return np.random.default_rng(7)


# ---------------------------------------------------------------- dropout


def test_dropout_keeps_the_mean_and_follows_its_generator():
    x = np.full((200, 300), 2.0)
    y = nn.dropout(x, 0.3, generator())
    assert set(np.unique(y)) == {0.0, 2.0 / 0.7}
    assert np.mean(y == 0) == pytest.approx(0.3, abs=0.01)
    assert y.tobytes() == nn.dropout(x, 0.3, generator()).tobytes()
    assert y.tobytes() != nn.dropout(x, 0.3, np.random.default_rng(8)).tobytes()


def test_dropout_without_a_generator_is_nothing():
    assert nn.dropout(X, 0.5) is X
    assert nn.dropout(X, 0.0, generator()) is X


def test_the_derivative_of_dropout_has_the_same_mask():
    y = nn.dropout(X, 0.4, generator())
    slope = cr.grad(lambda x, rng: np.sum(nn.dropout(x, 0.4, rng)))(X, generator())
    np.testing.assert_array_equal(slope, np.where(y == 0, 0, 1 / 0.6))


def test_dropout_stays_single():
    assert nn.dropout(X.astype("f"), 0.5, generator()).dtype == np.float32


# ---------------------------------------------------------------- sequential


def layers():
    rng = generator()
    network = nn.sequential(
        ("hidden", nn.linear), nn.relu, partial(nn.dropout, rate=0.5), ("out", nn.linear)
    )
    return network, {"hidden": nn.init_linear(rng, 4, 8), "out": nn.init_linear(rng, 8, 3)}


def test_sequential_is_its_layers():
    network, p = layers()
    hidden = nn.relu(nn.linear(p["hidden"], X))
    np.testing.assert_array_equal(network(p, X), nn.linear(p["out"], hidden))
    dropped = nn.linear(p["out"], nn.dropout(hidden, 0.5, generator()))
    np.testing.assert_array_equal(network(p, X, generator()), dropped)


def test_networks_nest_and_pass_the_generator_on():
    network, p = layers()
    outer = nn.sequential(("inner", network), np.tanh)
    found = outer({"inner": p}, X, generator())
    np.testing.assert_array_equal(found, np.tanh(network(p, X, generator())))


def test_a_compiled_network_is_the_same():
    network, p = layers()

    def loss(p, X, y):
        return nn.cross_entropy(network(p, X), y)

    y = np.array([0, 1, 2, 0, 1, 2])
    value, slopes = cr.value_and_grad(loss)(p, X, y)
    compiled = cr.jit(cr.value_and_grad(loss))
    for _ in range(3):
        again, other = compiled(p, X, y)
    np.testing.assert_allclose(again, value, rtol=1e-13)
    np.testing.assert_allclose(other["out"]["weight"], slopes["out"]["weight"], rtol=1e-11)
    assert list(slopes) == ["hidden", "out"]


# ---------------------------------------------------------------- initialisers


@pytest.mark.parametrize(
    ("make", "variance"),
    [
        (nn.glorot_uniform, 2 / 500), (nn.glorot_normal, 2 / 500),
        (nn.he_uniform, 2 / 200), (nn.he_normal, 2 / 200),
        (nn.lecun_uniform, 1 / 200), (nn.lecun_normal, 1 / 200),
        (partial(nn.glorot_normal, gain=2.0), 8 / 500),
    ],
)  # fmt: skip
def test_the_variance(make, variance):
    w = make(generator(), (200, 300))
    assert np.var(w) == pytest.approx(variance, rel=0.02)
    assert abs(np.mean(w)) < 0.01 * np.sqrt(variance) * 3
    assert w.tobytes() == make(generator(), (200, 300)).tobytes()


def test_a_kernel_counts_its_window():
    assert nn.fans((16, 3, 5, 5)) == (75, 400)
    assert np.var(nn.he_normal(generator(), (64, 32, 3, 3))) == pytest.approx(2 / 288, rel=0.05)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (2, 3, 2, 2)])
def test_orthogonal(shape):
    Q = nn.orthogonal(generator(), shape, gain=3.0).reshape(shape[0], -1)
    gram = Q @ Q.T if Q.shape[0] <= Q.shape[1] else Q.T @ Q
    np.testing.assert_allclose(gram, 9 * np.eye(len(gram)), atol=1e-13)


def test_the_parameters_of_layers_fit():
    rng = generator()
    assert nn.conv2d(nn.init_conv2d(rng, 3, 8, (3, 5)), np.ones((2, 3, 6, 6))).shape == (2, 8, 4, 2)
    assert nn.embedding(nn.init_embedding(rng, 9, 4), np.array([[1, 8]])).shape == (1, 2, 4)
    np.testing.assert_allclose(nn.layer_norm(nn.init_layer_norm(4), X).mean(-1), 0, atol=1e-15)
    assert nn.linear(nn.init_linear(rng, 4, 2, nn.orthogonal, bias=False), X).shape == (6, 2)


# ---------------------------------------------------------------- it is plain NumPy


def test_single_precision_stays_single():
    x, image = X.astype("f"), np.ones((1, 2, 4, 4), "f")
    kernel = {k: v.astype("f") for k, v in nn.init_conv2d(generator(), 2, 3, 2).items()}
    results = [
        nn.relu(x), nn.leaky_relu(x), nn.elu(x), nn.gelu(x), nn.gelu(x, "tanh"), nn.silu(x),
        nn.sigmoid(x), nn.softplus(x), nn.softmax(x), nn.log_softmax(x), nn.layer_norm({}, x),
        nn.rms_norm({}, x), nn.conv2d(kernel, image), nn.max_pool2d(image, 2),
        nn.max_pool2d(image, 3, 1, 1), nn.avg_pool2d(image, 2), nn.attention(x, x, x),
        nn.attention(x, x, x, causal=True), nn.mse(x, x), nn.cross_entropy(x, np.zeros(6, int)),
        nn.binary_cross_entropy_with_logits(x, x),
    ]  # fmt: skip
    assert {r.dtype for r in results} == {np.dtype("f4")}


def test_numbers_and_lists():
    assert nn.relu(-1.5) == 0
    assert nn.softmax(2.0) == 1
    assert nn.log_softmax(2.0) == 0
    assert nn.cross_entropy(np.zeros((2, 2)), [0, 1]) == pytest.approx(np.log(2))
    assert nn.cross_entropy(np.eye(2), [True, False]) == nn.cross_entropy(np.eye(2), [1, 0])


def test_the_formula_of_a_network_can_be_read():
    formula = cr.formula(cr.grad(lambda W, X, T: nn.cross_entropy(X @ W, T)))
    text = str(formula(np.ones((4, 3)), X, np.full((6, 3), 1 / 3)))
    assert "softmax" in text
    assert "Xᵀ" in text
    assert len(text) < 80
    of_labels = cr.formula(cr.grad(lambda W, X, y: nn.cross_entropy(X @ W, y)))
    assert "onehot(y)" in str(of_labels(np.ones((4, 3)), X, np.array([0, 1, 2, 0, 1, 2])))


def test_layers_of_one_key_are_told_apart_in_formulas():
    """Both have a `weight`: under one name the formula would say something else."""
    network, p = layers()
    text = str(cr.formula(cr.grad(lambda p, X, y: nn.mse(network(p, X), y)))(p, X, np.ones((6, 3))))
    assert "hidden_weight" in text
    assert "out_weight" in text

    def two(p, q, x):
        return np.sum((p["w"] * x - q["w"]) ** 2)

    text = str(cr.formula(cr.grad(two))({"w": np.ones(3)}, {"w": np.ones(3)}, np.ones(3)))
    assert text.endswith("2x ⊙ (p_w ⊙ x − q_w)")


def test_the_hessian_by_a_batch_of_directions():
    def loss(w):
        return nn.cross_entropy(X @ w, np.array([0, 1, 2, 0, 1, 2]))

    w = RNG.normal(size=(4, 3))
    H = cr.hessian(loss)(w).reshape(12, 12)
    columns = cr.vmap(lambda v: cr.hvp(loss)(w, v))(np.eye(12).reshape(12, 4, 3))
    np.testing.assert_allclose(columns.reshape(12, 12), H, atol=1e-14)
    assert np.linalg.eigvalsh(H)[0] > -1e-14


def test_an_image_without_examples():
    assert nn.conv2d(nn.init_conv2d(generator(), 3, 2, 2), np.ones((0, 3, 4, 4))).shape == (0, 2, 3, 3)
    assert nn.linear(nn.init_linear(generator(), 4, 2), X[:0]).shape == (0, 2)


def test_ties_in_a_window_share():
    slope = cr.grad(lambda x: np.sum(nn.max_pool2d(x, 2)))(np.ones((1, 1, 2, 2)))
    np.testing.assert_array_equal(slope, np.full((1, 1, 2, 2), 0.25))


def test_a_masked_score_has_no_slope():
    mask = np.array([[True, False]])
    q, k = np.ones((1, 3)), np.array([[1.0, 2, 3], [4, 5, 6]])
    v = np.array([[1.0], [np.pi]])
    slope = cr.grad(lambda k: np.sum(nn.attention(q, k, v, mask)))(k)
    np.testing.assert_array_equal(slope, np.zeros((2, 3)))


# ---------------------------------------------------------------- refusals


LINEAR = {"weight": np.ones((4, 2)), "bias": np.zeros(2)}
KERNEL = {"weight": np.ones((2, 3, 3, 3))}


@pytest.mark.parametrize(("call", "error", "says"), [
    (lambda: nn.linear(LINEAR, np.ones((3, 5))), ShapeMismatch, r"x has shape \(3, 5\), and weight \(4, 2\) takes 4"),
    (lambda: nn.linear({"weight": np.ones(4)}, X), ShapeMismatch, "Give a matrix"),
    (lambda: nn.linear({"W": 1}, X), ArgumentError, "the parameters \\('W'\\) are without 'weight'"),
    (lambda: nn.linear(np.ones((4, 2)), X), ArgumentError, "a ndarray\\) are without"),
    (lambda: nn.linear({}, X), ArgumentError, "init_linear"),
    (lambda: nn.embedding(LINEAR, np.array([0.5])), ArgumentError, "indices have dtype float64"),
    (lambda: nn.embedding(LINEAR, np.array([4])), IndexError, "4"),
    (lambda: nn.batch_norm({"weight": np.ones(3)}, X), ShapeMismatch, "weight has shape"),
    (lambda: nn.batch_norm({}, np.ones((1, 3))), ArgumentError, "one example has no variance"),
    (lambda: nn.batch_norm({}, np.ones(3)), ShapeMismatch, "without examples"),
    (lambda: nn.layer_norm({"weight": np.ones(3)}, X), ShapeMismatch, r"does not end in \(3,\)"),
    (lambda: nn.dropout(X, 1.0, generator()), ArgumentError, "rate is 1.0"),
    (lambda: nn.dropout(X, -0.1), ArgumentError, "rate is -0.1"),
    (lambda: nn.dropout(X, 0.5, 3), ArgumentError, "rng is a int"),
    (lambda: nn.gelu(X, "fast"), ArgumentError, "approximate is 'fast'"),
    (lambda: nn.softmax(X, 2), ArgumentError, "axis is 2"),
    (lambda: nn.conv2d(KERNEL, np.ones((1, 2, 5, 5))), ShapeMismatch, r"x has shape \(1, 2, 5, 5\)"),
    (lambda: nn.conv2d(KERNEL, np.ones((3, 5, 5))), ShapeMismatch, "Give x as"),
    (lambda: nn.conv2d(KERNEL, np.ones((1, 3, 2, 5))), ShapeMismatch, "3 by 3 does not fit into images of 2 by 5"),
    (lambda: nn.conv2d(KERNEL, np.ones((1, 3, 5, 5)), stride=0), ArgumentError, "stride is 0"),
    (lambda: nn.conv2d(KERNEL, np.ones((1, 3, 5, 5)), padding=(1, -1)), ArgumentError, "padding is"),
    (lambda: nn.conv2d(KERNEL, np.ones((1, 3, 5, 5)), 2, "same"), ArgumentError, "'same' with stride 2"),
    (lambda: nn.conv2d(KERNEL, np.ones((1, 3, 5, 5)), 1, "valid"), ArgumentError, "padding is 'valid'"),
    (lambda: nn.max_pool2d(X, 2, padding=2), ArgumentError, "more than half"),
    (lambda: nn.avg_pool2d(X, 7), ShapeMismatch, "does not fit"),
    (lambda: nn.max_pool2d(np.ones(3), 2), ShapeMismatch, "height and width stand last"),
    (lambda: nn.attention(X, X[:, :2], X), ShapeMismatch, "Query and key end in the same length"),
    (lambda: nn.multi_head_attention(nn.init_multi_head_attention(generator(), 4), X, 3), ArgumentError, "3 heads"),
    (lambda: nn.mse(np.ones((3, 1)), np.ones(3)), ShapeMismatch, r"prediction has shape \(3, 1\) and target \(3,\)"),
    (lambda: nn.mse(X, X, "average"), ArgumentError, "reduction is 'average'"),
    (lambda: nn.cross_entropy(X, np.array([0, 1, 2, 3, 4, 0])), ArgumentError, "not among the 4 classes"),
    (lambda: nn.cross_entropy(X, np.array([0, -1, 2, 3, 1, 0])), ArgumentError, "numbered from 0 to 3"),
    (lambda: nn.cross_entropy(X, np.zeros(5, int)), ShapeMismatch, r"Give one label for each example, \(6,\)"),
    (lambda: nn.cross_entropy(X, np.zeros(6)), ShapeMismatch, "of dtype float64"),
    (lambda: nn.cross_entropy(X, np.zeros((6, 3))), ShapeMismatch, "probabilities of the same shape"),
    (lambda: nn.cross_entropy(X, np.zeros(6, int), axis=2), ArgumentError, "axis is 2"),
    (lambda: nn.cross_entropy(X, np.zeros(6, int), label_smoothing=2), ArgumentError, "label_smoothing is 2"),
    (lambda: nn.cross_entropy(X[:0], np.zeros(0, int)), ArgumentError, "no examples"),
    (lambda: nn.mse(X[:0], X[:0]), ArgumentError, "no examples"),
    (lambda: nn.he_normal(generator(), 3), ArgumentError, "fewer than two axes"),
    (lambda: nn.he_normal(generator(), (0, 3)), ArgumentError, "no inputs"),
    (lambda: nn.sequential(("a", nn.linear), ("a", nn.linear)), ArgumentError, "two layers are named 'a'"),
    (lambda: nn.sequential("a"), ArgumentError, "layer 0 is 'a'"),
    (lambda: nn.sequential(("a", nn.linear))({}, X), ArgumentError, "no parameters named 'a'"),
])  # fmt: skip
def test_it_is_refused_in_words(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_a_compiled_loss_refuses_a_label_that_is_none():
    """Each call decides it anew, not only the one that was traced."""
    loss = cr.jit(lambda z, y: nn.cross_entropy(z, y))
    y = np.array([0, 1, 2, 3, 1, 0])
    first = [loss(X, y) for _ in range(3)]
    y[2] = -1
    with pytest.raises(ArgumentError, match="not among the 4 classes"):
        loss(X, y)
    y[2] = 2
    assert loss(X, y) == first[-1]
