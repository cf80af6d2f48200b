"""What is in the pictures: numbers, labels and marks, read back from the axes."""

import subprocess
import sys
from types import SimpleNamespace

import chainrule as cr
import numpy as np
import pytest
from chainrule import optim, plot
from chainrule.errors import ArgumentError
from tests.plot.pictures import PAGE, SHOWN

RNG = np.random.default_rng(4)
X = RNG.normal(size=(64, 3))
Y = X @ np.array([1.0, -2.0, 0.5]) + 0.1 * RNG.normal(size=64)


def loss(p, X, y):
    return np.mean((X @ p["w"] + p["b"] - y) ** 2)


@pytest.fixture(scope="module")
def trained():
    way = []
    result = cr.fit(
        loss, {"w": np.zeros(3), "b": 0.0}, (X, Y), optimizer=optim.adam(0.05), batch_size=8,
        epochs=6, validation=(X, Y),
        callbacks=lambda at: way.append(at.params) if at.epoch_loss is not None else None,
    )  # fmt: skip
    return result, way


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


# ---------------------------------------------------------------- training


def test_the_loss_curve(trained):
    result, _ = trained
    axes = plot.loss_curve(result)
    drawn, course = lines(axes), result.history
    assert list(drawn) == ["each step", "mean of an epoch", "validation"]
    np.testing.assert_array_equal(drawn["each step"].get_xdata(), np.arange(1, 49))
    np.testing.assert_array_equal(drawn["each step"].get_ydata(), course.loss)
    np.testing.assert_array_equal(drawn["mean of an epoch"].get_xdata(), course.epoch_end)
    np.testing.assert_array_equal(drawn["mean of an epoch"].get_ydata(), course.epoch_loss)
    np.testing.assert_array_equal(drawn["validation"].get_ydata(), course.validation_loss)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "loss")
    assert axes.get_yscale() == "log"


def test_descent_without_data_is_one_line():
    result = cr.fit(lambda w: np.sum(w**2) - 5.0, np.ones(2), optimizer=optim.sgd(0.1), steps=9)
    axes = plot.loss_curve(result)
    (line,) = axes.get_lines()
    np.testing.assert_array_equal(line.get_ydata(), result.history.loss)
    assert axes.get_yscale() == "linear"  # negative numbers
    assert axes.get_legend() is None


def test_the_gradient_norm_curve(trained):
    result, _ = trained
    axes = plot.gradient_norm_curve(result.history)
    np.testing.assert_array_equal(axes.get_lines()[0].get_ydata(), result.history.gradient_norm)
    assert axes.get_ylabel() == "norm of the gradient"
    norm = np.abs(np.sin(np.arange(200.0))) + 0.01
    long = type("Course", (), {"gradient_norm": norm})
    smooth = lines(plot.gradient_norm_curve(long))["median of 5 steps"].get_ydata()
    assert smooth[100] == np.median(norm[98:103])
    assert smooth[0] == np.median(norm[:3])


def test_the_history_is_both(trained):
    left, right = trained[0].plot()
    assert left.get_ylabel() == "loss"
    assert right.get_ylabel() == "norm of the gradient"
    assert left.figure is right.figure


def test_own_axes_are_drawn_in(trained):
    import matplotlib.pyplot as plt

    _, axes = plt.subplots()
    assert plot.loss_curve(trained[0], axes) is axes
    assert plot.landscape(loss, trained[0].params, (X, Y), "random", axes=axes) is axes
    assert plot.hessian_spectrum(loss, trained[0].params, (X, Y), axes=axes) is axes


# ---------------------------------------------------------------- landscapes


def test_a_line_is_the_loss_along_it():
    w, d = np.array([1.0, -1.0]), np.array([2.0, 0.5])
    axes = plot.landscape(lambda w: np.sum(w**4), w, directions=d, span=(-0.5, 2), points=11)
    shifts = np.linspace(-0.5, 2, 11)
    drawn = lines(axes)
    np.testing.assert_allclose(drawn["loss"].get_xdata(), shifts)
    expected = [np.sum((w + a * d) ** 4) for a in shifts]
    np.testing.assert_allclose(drawn["loss"].get_ydata(), expected, rtol=1e-12)
    assert (drawn["params"].get_xdata()[0], drawn["params"].get_ydata()[0]) == (0, 2)
    assert axes.get_xlabel() == "share of the direction"


def test_the_eigenvector_is_the_steepest():
    scales = np.array([1.0, 10.0, 3.0])
    axes = plot.landscape(
        lambda w: np.sum(scales * w**2) / 2, np.zeros(3), directions="eigenvector", points=5
    )
    np.testing.assert_allclose(lines(axes)["loss"].get_ydata(), [5, 1.25, 0, 1.25, 5], atol=1e-14)
    assert axes.get_xlabel() == "eigenvector 1  (λ = 10)"


def test_a_surface_is_the_loss_over_the_plane(trained):
    result, way = trained
    one = {"w": np.array([1.0, 0, 0]), "b": 0.0}
    other = {"w": np.array([0, 1.0, 0]), "b": 1.0}
    seen = []

    def watched(p, X, y):
        return loss(p, X, y)

    axes = plot.landscape(
        watched, result.params, (X, Y), (one, other), points=9, path=[*way, result.params]
    )
    seen = axes.collections[0].get_array()  # the levels of the bands
    corner = loss({"w": result.params["w"] + [1, 1, 0], "b": result.params["b"] + 1}, X, Y)
    assert seen[0] <= loss(result.params, X, Y)
    assert seen[-1] >= 0.9 * corner
    path = lines(axes)["path, projected"]
    np.testing.assert_allclose([path.get_xdata()[-1], path.get_ydata()[-1]], 0, atol=1e-12)
    # In the plane of these two, a point's shares are its first weight, and the mean of the rest.
    move = way[0]["w"] - result.params["w"], way[0]["b"] - result.params["b"]
    np.testing.assert_allclose(path.get_xdata()[0], move[0][0], atol=1e-12)
    np.testing.assert_allclose(path.get_ydata()[0], (move[0][1] + move[1]) / 2, atol=1e-12)
    assert axes.get_xlabel() == "share of the direction 1"
    assert axes.figure.axes[1].get_ylabel() == "loss"  # the bar


def test_the_values_of_a_surface_are_where_they_belong():
    """First direction to the right, second one up: along x the loss is steeper."""
    axes = plot.landscape(
        lambda w: 100 * w[0] ** 2 + 0.1 * w[1], np.zeros(2),
        directions=(np.array([1.0, 0]), np.array([0, 1.0])), points=21, log=False,
    )  # fmt: skip
    bands = axes.collections[0]
    top = bands.get_paths()[-4].vertices  # high bands are at the left and the right
    assert np.min(np.abs(top[:, 0])) > 0.8
    assert np.ptp(top[:, 1]) > 1.5


def test_a_pair_as_parameters_is_one_direction():
    start = (np.ones(2), np.ones(3))
    axes = plot.landscape(
        lambda p: np.sum(p[0]) + np.sum(p[1]), start, directions=(np.ones(2), np.zeros(3)), points=3
    )
    np.testing.assert_allclose(lines(axes)["loss"].get_ydata(), [3, 5, 7])


# ---------------------------------------------------------------- spectra


def test_the_exact_spectrum_is_sorted_by_sign():
    values = np.array([4.0, 2.0, 0.0, -1.0])
    axes = plot.hessian_spectrum(lambda w: np.sum(values * w**2) / 2, np.ones(4))
    drawn = lines(axes)
    np.testing.assert_allclose(drawn["2 positive"].get_ydata(), [4, 2])
    np.testing.assert_allclose(drawn["1 zero, to rounding"].get_xdata(), [3])
    np.testing.assert_allclose(drawn["1 negative"].get_ydata(), [-1])
    assert axes.get_title(loc="left") == "4 eigenvalues of the Hessian"


def test_a_wide_spectrum_has_a_scale_for_it():
    values = 10.0 ** np.arange(6)
    axes = plot.hessian_spectrum(lambda w: np.sum(values * w**2) / 2, np.ones(6))
    assert axes.get_yscale() == "log"
    signs = np.array([1, 1, 1, -1, 1, -1])
    axes = plot.hessian_spectrum(lambda w: np.sum(signs * values * w**2) / 2, np.ones(6))
    assert axes.get_yscale() == "symlog"
    assert axes.get_yticks().tolist() == [-1e5, -1e3, -10, 0, 10, 1e3]


def test_the_density_of_a_large_one():
    values = np.concatenate([np.zeros(600), [1.0], [10.0]])
    axes = plot.hessian_spectrum(lambda w: np.sum(values * w**2) / 2, np.ones(602), probes=4)
    curve = axes.get_lines()[0]
    x, y = curve.get_xdata(), curve.get_ydata()
    assert abs(x[np.argmax(y)]) < 0.01  # nearly all of it is at 0
    peak = y[np.argmin(np.abs(x - 10.0))]
    assert peak == y[x > 5].max()
    assert axes.get_title(loc="left") == "Hessian of 602 parameters: from 0 to 10"
    assert axes.get_yscale() == "log"


# ---------------------------------------------------------------- paths


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def test_contours_with_paths():
    ways = {"one": np.array([[-1.0, 1.0], [0.5, 0.5]]), "two": np.array([[0.0, 0.0]])}
    axes = plot.contour(rosenbrock, ways, minimum=(1, 1), points=41)
    drawn = lines(axes)
    np.testing.assert_array_equal(drawn["one"].get_xydata(), ways["one"])
    np.testing.assert_array_equal(drawn["two"].get_xydata(), ways["two"])
    np.testing.assert_array_equal(drawn["minimum"].get_xydata(), [[1, 1]])
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ["one", "two", "minimum"]
    low, high = axes.get_xlim()
    assert low < -1 < 1 < high
    assert axes.figure.axes[1].get_yscale() == "log"


def test_a_single_path_and_its_bounds():
    axes = plot.contour(lambda x, k: k * x @ x, np.array([[1.0, 2.0]]), (3.0,), points=11)
    assert axes.get_legend() is None
    assert axes.figure.axes[1].get_ylabel() == "value"
    axes = plot.contour(lambda x: x[0], span=((0, 1), (2, 5)), points=5, labels=("a", "b"))
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 1), (2, 5))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("a", "b")


def test_where_a_function_is_not_defined_there_is_no_colour():
    axes = plot.contour(
        lambda x: np.log(x[0]) + x[1], span=((-1.0, 1.0), (0.0, 1.0)), points=21, log=False
    )
    assert min(path.vertices[:, 0].min() for path in axes.collections[0].get_paths() if len(path.vertices)) > 0


# ---------------------------------------------------------------- profiles


def course(low, high):
    """Of the mean of an exponential distribution, 5 of which were observed: it is lopsided."""
    mean = np.linspace(0.4, 4.0, 61)
    deviance = 10 * (1 / mean - 1 + np.log(mean))
    roots = np.sign(mean - 1) * np.sqrt(np.maximum(deviance, 0))
    return SimpleNamespace(
        name="mean", estimate=1.0, level=0.95, low=low, high=high, values=mean, roots=roots
    )


def test_a_profile_with_its_interval():
    axes = plot.profile(course(0.46, 2.76))
    drawn = lines(axes)
    curve = drawn["all others fitted anew"]
    at = np.interp(2.0, curve.get_xdata(), curve.get_ydata())
    assert at == pytest.approx(10 * (0.5 - 1 + np.log(2)), rel=1e-3)
    assert list(drawn["95 % interval"].get_xdata()) == [0.46, 2.76]
    np.testing.assert_allclose(drawn["95 % interval"].get_ydata(), 3.84, atol=0.1)
    # The standard error is 1/√5, and the parabola (x − 1)²·5.
    parabola = drawn["by its standard error"]
    at = np.interp(1.5, parabola.get_xdata(), parabola.get_ydata())
    assert at == pytest.approx(1.25, rel=0.05)
    assert axes.get_title(loc="left") == "mean = 1, 95 % interval 0.46 to 2.76"
    assert axes.get_xlabel() == "mean"


def test_an_open_profile():
    axes = plot.profile(course(-np.inf, np.inf))
    assert "95 % interval" not in lines(axes)
    assert axes.get_title(loc="left") == "mean = 1, 95 % interval open to open"
    axes = plot.profile(course(0.46, np.inf))
    assert list(lines(axes)["95 % interval"].get_xdata()) == [0.46]


# ---------------------------------------------------------------- refusals


def flat(w):
    return np.sum(w)


def rough(w):
    return np.sum(np.sqrt(np.abs(w)))


@pytest.mark.parametrize(("call", "says"), [
    (lambda: plot.landscape(flat, np.ones(2), directions="up"), "no direction 'up'"),
    (lambda: plot.landscape(flat, np.ones(2), directions=np.ones(3)), "direction 0 is not nested and shaped"),
    (lambda: plot.landscape(flat, np.ones(2), directions=np.zeros(2)), "is zero or not finite"),
    (lambda: plot.landscape(flat, np.ones(2), directions=("random",) * 3), "there are 3 directions"),
    (lambda: plot.landscape(flat, np.ones(2), span=0), "span is 0"),
    (lambda: plot.landscape(flat, np.ones(2), points=1), "points is 1"),
    (lambda: plot.landscape(flat, np.ones(2), normalise="layer"), "normalise is 'layer'"),
    (lambda: plot.landscape(flat, np.zeros(2)), "write|Write normalise='unit'"),
    (lambda: plot.landscape(lambda w: np.log(w[0] - 5), np.ones(2), directions="random"), "loss is nan at params"),
    (lambda: plot.landscape(flat, {"n": 3}), r"params\['n'\] has dtype int64"),
    (lambda: plot.landscape(lambda w: w * w, 3.0, directions=("eigenvector",) * 2), "2 eigenvectors asked for"),
    (lambda: plot.landscape(lambda w, X: np.sum(X @ w), np.ones(2), X), "data is a ndarray"),
    (lambda: plot.landscape(flat, {}), "holds no arrays"),
    (lambda: plot.landscape(flat, np.ones(2), directions=np.ones(2), path=[np.ones(3)]), r"path\[0\] is not"),
    (lambda: plot.landscape(flat, np.ones(2), directions=(np.ones(2), np.array([1.0, -1])), log=True), "log=False"),
    (lambda: plot.hessian_spectrum(flat, np.ones(2), method="slq"), "method is 'slq'"),
    (lambda: plot.hessian_spectrum(flat, np.ones(2), steps=0), "steps is 0"),
    (lambda: plot.hessian_spectrum(rough, np.zeros(20)), "the Hessian is not finite"),
    (lambda: plot.landscape(rough, np.zeros(20), directions="eigenvector"), "the Hessian is not finite"),
    (lambda: plot.landscape(rough, np.zeros(200), directions="eigenvector"), "the Hessian is not finite"),
    (lambda: plot.contour(rosenbrock), "nothing says where to look"),
    (lambda: plot.contour(rosenbrock, np.ones(3)), r"has shape \(3,\)"),
    (lambda: plot.contour(rosenbrock, {"a": [[np.nan, 1]]}), "'a' has numbers that are not finite"),
    (lambda: plot.contour(rosenbrock, span=((1, 0), (0, 1))), "span is"),
])  # fmt: skip
def test_it_is_refused_in_words(call, says):
    with pytest.raises(ArgumentError, match=says):
        call()


def test_without_matplotlib_it_says_what_to_install():
    program = """
import sys
sys.modules["matplotlib"] = sys.modules["matplotlib.pyplot"] = None
import chainrule as cr
import numpy as np
result = cr.fit(lambda w: np.sum(w**2), np.ones(2), steps=2)
try:
    result.plot()
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pip install 'chainrule[examples]'" in done.stdout


def test_the_page_shows_pictures_that_are_there():
    text = PAGE.read_text(encoding="utf-8")
    shown = SHOWN.findall(text)
    assert len(shown) == text.count("```python") == text.count("![")
    assert {PAGE.parent / name for name in shown} == set((PAGE.parent / "pictures").iterdir())
    assert all((PAGE.parent / name).stat().st_size < 100_000 for name in shown)
