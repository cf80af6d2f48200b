"""SciPy's splines, filters, signals, distances, transforms and sparse systems on traced arrays."""

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
import scipy.fft as sf
import scipy.interpolate as ip
import scipy.ndimage as nd
import scipy.signal as sg
import scipy.sparse as ss
import scipy.sparse.linalg as ssl
import scipy.spatial.distance as sd
from tests.trace.agreement import assert_agrees, weighted

R = np.random.default_rng(0)
KNOTS = np.array([0.0, 0.09, 0.23, 0.41, 0.55, 0.68, 0.87, 1.0])
HEIGHTS = np.sin(5 * KNOTS)
POINTS = np.array([0.11, 0.52, 0.83])
BOTH = np.concatenate([POINTS, HEIGHTS])
IMAGE = R.normal(size=(5, 6))
KERNEL = R.normal(size=(3, 3))
SIGNAL = R.normal(size=16)
CLOUD = R.normal(size=(4, 3))
B, A = sg.butter(3, 0.3)
SOS = sg.butter(4, 0.3, output="sos")
SPARSE = ss.random(6, 6, 0.5, random_state=1, format="csc") + 6 * ss.eye(6, format="csc")
TCK = ip.splrep(KNOTS, HEIGHTS)
GRID = (np.linspace(0, 1, 4), np.linspace(0, 2, 5))
VALUES = R.normal(size=(4, 5))
SCATTERED = R.uniform(size=(6, 2))
PLACES = np.array([[0.2, 0.3], [0.7, 0.4]])

Case = tuple[Callable[[Any], Any], np.ndarray]


def splines() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    for name in ("CubicSpline", "PchipInterpolator", "Akima1DInterpolator", "interp1d",
                 "make_interp_spline", "KroghInterpolator", "BarycentricInterpolator"):  # fmt: skip
        make = getattr(ip, name)
        cases[name] = (lambda z, make=make: weighted(make(KNOTS, z[3:])(z[:3])), BOTH)
    outside = ip.CubicSpline(KNOTS, HEIGHTS)
    cases |= {
        "a spline from outside": (lambda x: weighted(outside(x)) + weighted(outside(x, 1)), POINTS),
        "natural": (lambda y: weighted(ip.CubicSpline(KNOTS, y, bc_type="natural")(POINTS, 1)), HEIGHTS),
        "an integral": (lambda y: ip.CubicSpline(KNOTS, y).integrate(0.1, y[2]), HEIGHTS),
        "a derivative": (lambda y: weighted(ip.CubicSpline(KNOTS, y).derivative()(POINTS)), HEIGHTS),
        "two columns": (lambda y: weighted(ip.CubicSpline(KNOTS, y.reshape(8, 2))(POINTS)), R.normal(size=16)),
        "cubic interp1d": (lambda z: weighted(ip.interp1d(KNOTS, z[3:], kind="cubic")(z[:3])), BOTH),
        "UnivariateSpline": (lambda z: weighted(ip.UnivariateSpline(KNOTS, z[3:], s=0)(z[:3])), BOTH),
        "splrep and splev": (lambda z: weighted(ip.splev(z[:3], ip.splrep(KNOTS, z[3:]))), BOTH),
        "splev, second derivative": (lambda x: weighted(ip.splev(x, TCK, der=2)), POINTS),
        "BSpline": (lambda c: weighted(ip.BSpline(TCK[0], c, 3)(POINTS, 1)), TCK[1]),
        "PPoly": (lambda c: weighted(ip.PPoly(c.reshape(4, 7), KNOTS)(POINTS)), R.normal(size=28)),
        "grid values": (lambda v: weighted(ip.RegularGridInterpolator(GRID, v.reshape(4, 5))(PLACES)), VALUES),
        "grid points": (lambda x: weighted(ip.RegularGridInterpolator(GRID, VALUES)(x.reshape(2, 2))), PLACES),
        "RBF": (lambda z: weighted(ip.RBFInterpolator(SCATTERED, z[4:])(z[:4].reshape(2, 2))),
                np.concatenate([PLACES.ravel(), np.arange(6.0)])),
    }  # fmt: skip
    return cases


def filters() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    for mode in ("reflect", "constant", "nearest", "mirror", "wrap"):
        cases[f"filters, {mode}"] = (
            lambda v, m=mode: (
                weighted(nd.convolve(v, KERNEL, mode=m))
                + weighted(nd.gaussian_filter(v, 1.2, mode=m))
                + weighted(nd.uniform_filter(v, 3, mode=m))
            ),
            IMAGE,
        )
    cases |= {
        "correlate1d, convolve1d": (
            lambda v: weighted(nd.correlate1d(v, [1.0, 2, 3, 4], axis=0, origin=1)) + weighted(nd.convolve1d(v, [1.0, 2, 3, 4], origin=1)),
            IMAGE,
        ),
        "a kernel": (lambda w: weighted(nd.convolve(IMAGE, w)), KERNEL),
        "derivatives": (lambda v: weighted(nd.sobel(v)) + weighted(nd.prewitt(v, 0)) + weighted(nd.laplace(v)), IMAGE),
        "Gaussian derivatives": (
            lambda v: weighted(nd.gaussian_laplace(v, 1.0)) + weighted(nd.gaussian_gradient_magnitude(v, 1.0)), IMAGE
        ),
        "a width": (lambda s: weighted(nd.gaussian_filter(IMAGE, s)), np.array(1.2)),
        "resampling": (
            lambda v: weighted(nd.shift(v, (0.5, 1.2), order=1)) + weighted(nd.zoom(v, 1.5)) + weighted(nd.rotate(v, 20, order=1)),
            IMAGE,
        ),
        "map_coordinates": (lambda v: weighted(nd.map_coordinates(v, [[0.5, 2.3], [1.2, 3.3]])), IMAGE),
        "coordinates": (
            lambda x: weighted(nd.map_coordinates(IMAGE, x, order=1)), np.array([[0.5, 2.3], [1.2, 3.3]])
        ),
    }  # fmt: skip
    return cases


def signals() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    for mode in ("full", "same", "valid"):
        cases[f"convolutions, {mode}"] = (
            lambda v, m=mode: (
                weighted(sg.convolve(v, [1.0, 2, 3], m))
                + weighted(sg.fftconvolve(v, v[:5], m))
                + weighted(sg.correlate(v, [1.0, 2, 3], m))
                + weighted(sg.oaconvolve(np.array([1.0, 2, 3]), v, m))
            ),
            SIGNAL,
        )
        cases[f"in two dimensions, {mode}"] = (
            lambda v, m=mode: weighted(sg.convolve2d(v, KERNEL, m)) + weighted(sg.correlate2d(v, KERNEL, m)),
            IMAGE,
        )  # fmt: skip
    one = {
        "lfilter": lambda v: sg.lfilter(B, A, v),
        "lfilter with a state": lambda v: np.concatenate(sg.lfilter(B, A, v, zi=v[:3])),
        "sosfilt": lambda v: sg.sosfilt(SOS, v),
        "filtfilt": lambda v: sg.filtfilt(B, A, v),
        "savgol_filter": lambda v: sg.savgol_filter(v, 5, 2),
        "detrend": lambda v: sg.detrend(v),
        "hilbert": lambda v: np.abs(sg.hilbert(v)),
        "resample": lambda v: np.concatenate([sg.resample(v, 11), sg.resample_poly(v, 2, 3)]),
        "spectra": lambda v: np.concatenate([sg.welch(v, nperseg=8)[1], sg.periodogram(v)[1]]),
        "stft": lambda v: np.abs(sg.stft(v, nperseg=8)[2]),
        "fft": lambda v: np.abs(sf.fft(v)) + np.abs(sf.ifft(v)),
        "rfft": lambda v: sf.irfft(sf.rfft(v) * np.arange(9)),
        "dct": lambda v: sf.dct(v) + sf.dst(v, 3) + sf.idct(v, 1, norm="ortho"),
    }
    cases |= {name: (lambda v, f=f: weighted(f(v)), SIGNAL) for name, f in one.items()}
    cases["coefficients"] = (
        lambda z: weighted(sg.lfilter(z[:4], z[4:], SIGNAL)),
        np.concatenate([B, A]),
    )
    cases["dctn"] = (lambda v: weighted(sf.dctn(v)) + weighted(np.real(sf.fft2(v))), IMAGE)
    return cases


def others() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    for metric in (
        "euclidean",
        "sqeuclidean",
        "cityblock",
        "cosine",
        "correlation",
        "canberra",
        "minkowski",
    ):
        cases[f"distances, {metric}"] = (
            lambda v, m=metric: (
                weighted(sd.cdist(v, 1.1 * CLOUD[::-1], m)) + weighted(sd.pdist(v, m))
            ),
            CLOUD,
        )
    vector = R.normal(size=6)
    cases |= {
        "squareform": (lambda v: weighted(sd.squareform(sd.pdist(v))), CLOUD),
        "mahalanobis": (lambda v: sd.mahalanobis(v, CLOUD[1], 2 * np.eye(3)), CLOUD[0]),
        "spsolve": (lambda v: weighted(ssl.spsolve(SPARSE, v)), vector),
        "splu": (lambda v: weighted(ssl.splu(SPARSE).solve(v, "T")), vector),
        "factorized": (lambda v: weighted(ssl.factorized(SPARSE)(v)), vector),
        "cg": (lambda v: weighted(ssl.cg(SPARSE @ SPARSE.T, v, rtol=1e-13)[0]), vector),
    }
    return cases


CASES = {**splines(), **filters(), **signals(), **others()}


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_scipy(name: str) -> None:
    f, x = CASES[name]
    assert_agrees(f, x)


@pytest.mark.parametrize(
    "name", ["CubicSpline", "cubic interp1d", "filters, reflect", "lfilter", "coefficients", "spsolve",
             "distances, euclidean", "dct"],
)  # fmt: skip
def test_compiled_and_batched(name: str) -> None:
    f, x = CASES[name]
    x = np.asarray(x, float)
    gradient = cr.grad(f)
    compiled = cr.jit(gradient)
    many = np.stack([x, 1.01 * x, 0.99 * x])
    for row in many:
        np.testing.assert_allclose(compiled(row), gradient(row), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(
        cr.vmap(gradient)(many), [gradient(row) for row in many], rtol=1e-9, atol=1e-10
    )


def test_a_filter_of_a_long_signal_is_one_operation() -> None:
    """A recursion, not a loop or a matrix: memory in proportion to the signal."""
    x = np.linspace(0, 1, 20_000)
    gradient = cr.grad(lambda v: np.sum(sg.lfilter(B, A, v) ** 2))(x)
    y = sg.lfilter(B, A, x)
    np.testing.assert_allclose(gradient, 2 * sg.lfilter(B, A, y[::-1])[::-1], rtol=1e-9)


def test_outside_of_a_spline() -> None:
    spline = ip.CubicSpline(KNOTS, HEIGHTS, extrapolate=False)
    assert np.isnan(cr.value_and_grad(lambda x: spline(x))(1.5)[0])
    pieces = ip.BSpline(*TCK, extrapolate=False)
    assert np.isnan(cr.value_and_grad(lambda x: pieces(x) + 0 * x)(1.5)[0])


def test_a_matrix_without_inverse_raises() -> None:
    singular = ss.csc_matrix(np.diag([1.0, 0.0]))
    with pytest.raises(np.linalg.LinAlgError, match="sparse"):
        cr.grad(lambda v: np.sum(ssl.spsolve(singular, v)))(np.ones(2))


@pytest.mark.parametrize(
    ("f", "named"),
    [
        (lambda v: np.sum(ip.griddata(SCATTERED, v, PLACES)), "griddata"),
        (lambda v: np.sum(ip.UnivariateSpline(np.arange(6.0), v, s=1)(POINTS)), "UnivariateSpline"),
        (lambda v: np.sum(ssl.spsolve(ss.diags(v, format="csc"), np.ones(6))), "diags"),
        (
            lambda v: np.sum(ss.csr_matrix((v, (np.arange(6), np.arange(6)))) @ np.ones(6)),
            "csr_matrix",
        ),
        (lambda v: np.sum(sd.cdist(v.reshape(3, 2), np.ones((1, 2)), "jaccard")), "jaccard"),
    ],
)
def test_what_is_not_supported_says_so(f: Any, named: str) -> None:
    with pytest.raises(cr.errors.UnsupportedFunction, match=named):
        cr.grad(f)(np.arange(6.0) ** 2)


@pytest.mark.parametrize(
    "f",
    [
        lambda v: (
            __import__("scipy.spatial.transform")
            .spatial.transform.Rotation.from_rotvec(v[:3])
            .as_matrix()[0, 0]
        ),
        lambda v: __import__("scipy.cluster.vq").cluster.vq.vq(v.reshape(3, 2), np.ones((2, 2)))[1][
            0
        ],
    ],
    ids=["Rotation", "vq"],
)
def test_compiled_code_is_an_error(f: Any) -> None:
    with pytest.raises(cr.errors.TraceError):
        cr.grad(f)(np.arange(6.0))
