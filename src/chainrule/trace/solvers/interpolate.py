"""``scipy.interpolate``: splines evaluated in NumPy, and fitted as linear maps of their data.

A spline is differentiated by the points where it is evaluated, by its coefficients, and, where it
was fitted inside of the function, by the data; by the places of the data, if SciPy finds the
coefficients in Python (``CubicSpline``, ``PchipInterpolator``, ``Akima1DInterpolator``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import UnsupportedFunction
from ..nesting import innermost
from ..site import here
from .closures import lifted, plain

Function = Callable[..., Any]


def refused(what: str, why: str) -> UnsupportedFunction:
    """The error for what has no derivative, and why."""
    return UnsupportedFunction(f"{what} has no derivative here: {why}.", here())


def _falling(power: int, order: int) -> float:
    """The factor that ``order`` derivatives bring down from a power."""
    return float(np.prod([power - j for j in range(order)])) if order else 1.0


def _interval(knots: Any, x: Any, low: int, high: int) -> Any:
    """Which interval between knots each point is in, the outermost beyond the ends."""
    place = np.searchsorted(knots, x, side="right") - 1
    return np.minimum(np.maximum(place, low), high)


# -- piecewise polynomials -------------------------------------------------------------------------


def ppoly_evaluate(
    trace: Any, original: Function, self: Any, x: Any, nu: Any, extrapolate: Any, out: Any
) -> Any:
    """As ``PPoly._evaluate``, which writes to ``out``."""
    c, knots = getattr(self, "_c", None), getattr(self, "_x", None)
    c, knots = (self.c if c is None else c), (self.x if knots is None else knots)
    if innermost((c, knots, x)) is None:
        return original(self, x, nu, extrapolate, out)
    if nu < 0:
        raise refused("an integral of a piecewise polynomial by nu < 0", "call antiderivative()")
    c, knots, x = (trace.lift(lifted(v)) for v in (c, knots, x))
    order, count = int(np.shape(c)[0]), int(np.shape(c)[1])
    c = np.reshape(c, (order, count, -1))
    if bool(plain(knots[-1] < knots[0])):
        raise refused("a piecewise polynomial whose breakpoints descend", "reverse them")
    place = _interval(knots, x, 0, count - 1)
    away = np.expand_dims(x - knots[place], -1)
    pieces = c[:, place]
    total: Any = 0.0
    for k in range(order - nu):
        power = order - 1 - k
        total = total * away + _falling(power, nu) * pieces[k]
    if order <= nu:
        total = 0.0 * pieces[0]
    if not extrapolate:
        inside = (x >= knots[0]) & (x <= knots[-1])
        total = np.where(np.expand_dims(inside, -1), total, np.nan)
    out[...] = total
    return None


def ppoly_integrate(
    trace: Any, original: Function, self: Any, a: Any, b: Any, extrapolate: Any = None
) -> Any:
    """As ``PPoly.integrate``."""
    c, knots = getattr(self, "_c", None), getattr(self, "_x", None)
    c, knots = (self.c if c is None else c), (self.x if knots is None else knots)
    if innermost((c, knots, a, b)) is None:
        return original(self, a, b, extrapolate)
    extrapolate = self.extrapolate if extrapolate is None else extrapolate
    if extrapolate == "periodic":
        raise refused("an integral of a periodic piecewise polynomial", "split it into periods")
    c, knots, a, b = (trace.lift(lifted(v)) * 1.0 for v in (c, knots, a, b))
    order, count = int(np.shape(c)[0]), int(np.shape(c)[1])
    rest = (1,) * (np.ndim(c) - 2)

    # Horner's rule on Σ c[k] s^(order − k) / (order − k).
    def primitive(pieces: Any, away: Any) -> Any:
        total: Any = 0.0
        for k in range(order):
            total = total * away + pieces[k] / (order - k)
        return total * away

    lengths = np.reshape(knots[1:] - knots[:-1], (count, *rest))
    sums = np.cumsum(primitive(c, lengths), axis=0)
    before = np.concatenate([0.0 * sums[:1], sums[:-1]], axis=0)

    def upto(x: Any) -> Any:
        place = _interval(knots, x, 0, count - 1)
        return before[place] + primitive(c[:, place], x - knots[place])

    if not extrapolate:
        outside = (np.minimum(a, b) < knots[0]) | (np.maximum(a, b) > knots[-1])
        return np.where(outside, np.nan, upto(b) - upto(a))
    return upto(b) - upto(a)


# -- B-splines -------------------------------------------------------------------------------------


def evaluated(t: Any, c: Any, k: int, x: Any, nu: int, extrapolate: Any) -> Any:
    """A B-spline with coefficients ``c`` (more axes may follow), or its derivative, at ``x``.

    By the recursion of de Boor, A Practical Guide to Splines, 2001, chapter X.
    """
    n = int(np.shape(t)[0]) - k - 1
    outer = (t[k], t[n])
    c = c[:n]
    rest = (1,) * (np.ndim(c) - 1)
    for _ in range(nu):
        if not k:
            c = 0.0 * c
            break
        steps = t[k + 1 : k + n] - t[1:n]
        positive = steps > 0
        factor = np.where(positive, k / np.where(positive, steps, 1.0), 0.0)
        c = np.reshape(factor, (-1, *rest)) * (c[1:] - c[:-1])
        t, k, n = t[1:-1], k - 1, n - 1
    place = _interval(t, x, k, n - 1)
    shape = (*np.shape(x), *rest)
    d = [c[place - k + j] for j in range(k + 1)]
    for r in range(1, k + 1):
        for j in range(k, r - 1, -1):
            left = t[place - k + j]
            share = np.reshape((x - left) / (t[place + 1 + j - r] - left), shape)
            d[j] = (1.0 - share) * d[j - 1] + share * d[j]
    found = d[k]
    if extrapolate:
        return found
    inside = np.reshape((x >= outer[0]) & (x <= outer[1]), shape)
    return np.where(inside, found, np.nan)


def bspline_call(
    trace: Any, original: Function, self: Any, x: Any, nu: int = 0, extrapolate: Any = None
) -> Any:
    """As ``BSpline.__call__``."""
    c, t = getattr(self, "_c", None), getattr(self, "_t", None)
    c, t = (self.c if c is None else c), (self.t if t is None else t)
    if innermost((c, t, x)) is None:
        return original(self, x, nu, extrapolate)
    c, t, x = (trace.lift(lifted(v)) * 1.0 for v in (c, t, x))
    extrapolate = self.extrapolate if extrapolate is None else extrapolate
    n = int(np.shape(t)[0]) - self.k - 1
    points = np.ravel(x)
    if extrapolate == "periodic":
        points = t[self.k] + np.remainder(points - t[self.k], t[n] - t[self.k])
        extrapolate = False
    found = evaluated(t, c, self.k, points, int(nu), extrapolate)
    found = np.reshape(found, (*np.shape(x), *np.shape(c)[1:]))
    if self.axis:
        order = list(range(np.ndim(found)))
        inner = order[np.ndim(x) :]
        order = inner[: self.axis] + order[: np.ndim(x)] + inner[self.axis :]
        found = np.transpose(found, order)
    return found


def _fitted(path: str) -> Function:
    """A fit of a B-spline that is linear in its data."""

    def fit(trace: Any, original: Function, x: Any, y: Any, *args: Any, **words: Any) -> Any:
        if innermost((x, y, args, words)) is None:
            return original(x, y, *args, **words)
        if innermost((x, args, words)) is not None:
            raise refused(path, "it is differentiated by the data y alone, not by their places")
        if path.endswith("make_smoothing_spline") and words.get("lam") is None:
            raise refused(path, "without lam= the smoothing is chosen by the data")
        axis = int(words.get("axis", 0))
        bc = words.get("bc_type", args[2] if len(args) > 2 else None)
        if not (bc is None or isinstance(bc, str)):
            raise refused(path, "its boundary values must be given by name")
        y = np.moveaxis(trace.lift(lifted(y)) * 1.0, axis, 0)
        n = int(np.shape(y)[0])
        words = {**words, "axis": 0}
        spline = original(x, np.eye(n), *args, **words)
        c = np.reshape(spline.c @ np.reshape(y, (n, -1)), (-1, *np.shape(y)[1:]))
        made = type(spline).construct_fast(
            spline.t, np.asarray(plain(c)), spline.k, spline.extrapolate, axis
        )
        _put(made, c)
        return made

    return fit


def _put(spline: Any, c: Any) -> None:
    if hasattr(spline, "_c"):
        spline._c = c  # noqa: SLF001
    else:
        spline.c = c


def splrep(trace: Any, original: Function, x: Any, y: Any, *args: Any, **words: Any) -> Any:
    """As :func:`scipy.interpolate.splrep` of an interpolating spline, or with given knots."""
    if innermost((x, y, args, words)) is None:
        return original(x, y, *args, **words)
    smoothing = words.get("s")
    if (
        innermost((x, args, words)) is not None
        or args
        or words.get("full_output")
        or words.get("per")
    ):
        raise refused(
            "scipy.interpolate.splrep", "it is differentiated by y alone, with options by keyword"
        )
    if words.get("t") is None and (smoothing or (smoothing is None and words.get("w") is not None)):
        raise refused(
            "scipy.interpolate.splrep with s > 0", "its knots depend on the data; give knots t="
        )
    y = trace.lift(lifted(y)) * 1.0
    n = int(np.shape(y)[0])
    columns = [original(x, unit, **words) for unit in np.eye(n)]
    t, _, k = columns[0]
    return t, np.stack([c for _, c, _ in columns], axis=1) @ y, k


def splev(trace: Any, original: Function, x: Any, tck: Any, der: int = 0, ext: int = 0) -> Any:
    """As :func:`scipy.interpolate.splev` of one spline."""
    parts = tuple(tck) if type(tck) in (tuple, list) else None
    if parts is None or innermost((x, parts)) is None:
        return original(x, tck, der, ext) if innermost((x,)) is None else tck(x, der)
    t, c, k = parts
    if type(c) is list and innermost(c) is None and np.ndim(c[0]):
        raise refused(
            "scipy.interpolate.splev of a curve", "evaluate one coordinate after the other"
        )
    t, c, x = (trace.lift(lifted(v)) * 1.0 for v in (t, c, x))
    k = int(k)
    n = int(np.shape(t)[0]) - k - 1
    low, high = t[k], t[n]
    inside = (x >= low) & (x <= high)
    if ext == 2 and not bool(np.all(inside)):
        raise ValueError("splev: a point is outside of the interval of the spline")
    points = np.minimum(np.maximum(x, low), high) if ext == 3 else x
    found = np.reshape(evaluated(t, c, k, np.ravel(points), int(der), True), np.shape(x))
    return np.where(inside, found, 0.0) if ext == 1 else found


_EXTENSIONS = {"extrapolate": 0, "zeros": 1, "raise": 2, "const": 3}


def univariate_init(interpolating: bool) -> Function:
    """``UnivariateSpline.__init__`` and its kin: splines through the data."""

    def initialise(
        trace: Any, original: Function, self: Any, x: Any, y: Any, *args: Any, **words: Any
    ) -> Any:
        if innermost((x, y, args, words)) is None:
            return original(self, x, y, *args, **words)
        through = interpolating or words.get("s") == 0
        if innermost((x, args, words)) is not None or not through or args:
            raise refused(
                "scipy.interpolate.UnivariateSpline", "it is differentiated by y alone, with s=0"
            )
        y = trace.lift(lifted(y)) * 1.0
        original(self, x, np.asarray(plain(y)), **words)
        columns = []
        for unit in np.eye(int(np.shape(y)[0])):
            other: Any = object.__new__(type(self))
            original(other, x, unit, **words)
            columns.append(other._eval_args[1])  # noqa: SLF001
        t, _, k = self._eval_args
        self._eval_args = t, np.stack(columns, axis=1) @ y, k
        return None

    return initialise


def univariate_call(
    trace: Any, original: Function, self: Any, x: Any, nu: int = 0, ext: Any = None
) -> Any:
    """As ``UnivariateSpline.__call__``."""
    tck = self._eval_args
    if innermost((x, tck)) is None:
        return original(self, x, nu, ext)
    ext = self.ext if ext is None else ext
    return splev(trace, original, x, tck, nu, _EXTENSIONS.get(ext, ext))


# -- grids and scattered points --------------------------------------------------------------------


def evaluate_linear_2d(
    trace: Any, original: Function,
    values: Any, indices: Any, distances: Any, grid: Any, out: Any,
) -> Any:
    """What `RegularGridInterpolator` calls for two axes: between the four corners of each cell."""
    if innermost((values, indices, distances)) is None:
        return original(values, indices, distances, grid, out)
    (i, j), (p, q) = indices, distances
    low = values[i, j] * (1 - q) + values[i, j + 1] * q
    high = values[i + 1, j] * (1 - q) + values[i + 1, j + 1] * q
    return low * (1 - p) + high * p


def find_indices(trace: Any, original: Function, self: Any, xi: Any) -> Any:
    """As ``RegularGridInterpolator._find_indices``: the cell of each point, and where in it."""
    grid = getattr(self, "_grid", None)
    grid = self.grid if grid is None else grid
    if innermost((xi,)) is None:
        return original(self, xi)
    cells, shares = [], []
    for points, axis in zip(xi, grid, strict=True):
        low = _interval(trace.lift(np.asarray(axis)), points, 0, max(len(axis) - 2, 0))
        edges = trace.lift(np.asarray(axis, float))
        width = edges[np.minimum(low + 1, len(axis) - 1)] - edges[low]
        positive = width != 0
        shares.append(
            np.where(positive, (points - edges[low]) / np.where(positive, width, 1.0), 0.0)
        )
        cells.append(low)
    return np.stack(cells), shares


_KERNELS: dict[str, Function] = {
    "linear": lambda r, s: -r,
    "cubic": lambda r, s: r * s,
    "quintic": lambda r, s: -r * s * s,
    "gaussian": lambda r, s: np.exp(-s),
    "multiquadric": lambda r, s: -np.sqrt(s + 1.0),
    "inverse_multiquadric": lambda r, s: 1.0 / np.sqrt(s + 1.0),
    "inverse_quadratic": lambda r, s: 1.0 / (s + 1.0),
    "thin_plate_spline": lambda r, s: np.where(
        s > 0, 0.5 * s * np.log(np.where(s > 0, s, 1.0)), 0.0
    ),
}


def rbf_coefficients(
    trace: Any, original: Function, x: Any, y: Any, kernel: str, epsilon: Any, powers: Any,
    shift: Any, scale: Any, *rest: Any,
) -> Any:  # fmt: skip
    """The kernels and monomials of radial basis functions at points ``x``."""
    if innermost((x, y, epsilon, shift, scale)) is None:
        return original(x, y, kernel, epsilon, powers, shift, scale, *rest)
    gap = (np.expand_dims(x, 1) - y) * epsilon
    square = np.sum(gap * gap, axis=-1)
    live = square > 0
    distance = np.where(live, np.sqrt(np.where(live, square, 1.0)), 0.0)
    inner = np.expand_dims((x - shift) / scale, 1)
    columns = np.prod(inner ** np.asarray(powers), axis=-1)
    return np.concatenate([_KERNELS[kernel](distance, square), columns], axis=1)


def rbf_system(trace: Any, original: Function, y: Any, d: Any, *args: Any) -> Any:
    """The coefficients of radial basis functions, linear in the data ``d``."""
    if innermost((y, d, args)) is None:
        return original(y, d, *args)
    if innermost((y, args)) is not None:
        raise refused(
            "scipy.interpolate.RBFInterpolator",
            "it is differentiated by the data d and the points x",
        )
    shift, scale, matrix = original(y, np.eye(int(np.shape(d)[0])), *args)
    return shift, scale, matrix @ d


def _no(path: str, why: str) -> Function:
    def function(trace: Any, original: Function, *args: Any, **keywords: Any) -> Any:
        if innermost((args, keywords)) is None:
            return original(*args, **keywords)
        raise refused(path, why)

    return function


_GRID = "use RegularGridInterpolator or RBFInterpolator"
_IP = "scipy.interpolate"

SOLVERS: dict[str, Function] = {
    f"{_IP}.PPoly._evaluate": ppoly_evaluate,
    f"{_IP}._interpolate._PPoly._evaluate": ppoly_evaluate,  # where SciPy has it from 1.18 on
    f"{_IP}.PPoly.integrate": ppoly_integrate,
    f"{_IP}.BSpline.__call__": bspline_call,
    f"{_IP}.make_interp_spline": _fitted(f"{_IP}.make_interp_spline"),
    f"{_IP}.make_smoothing_spline": _fitted(f"{_IP}.make_smoothing_spline"),
    f"{_IP}.splrep": splrep,
    f"{_IP}.splev": splev,
    f"{_IP}.UnivariateSpline.__init__": univariate_init(False),
    f"{_IP}.InterpolatedUnivariateSpline.__init__": univariate_init(True),
    f"{_IP}.UnivariateSpline.__call__": univariate_call,
    f"{_IP}.RegularGridInterpolator._find_indices": find_indices,
    f"{_IP}._rgi_cython.evaluate_linear_2d": evaluate_linear_2d,
    f"{_IP}._rbfinterp_np._build_evaluation_coefficients": rbf_coefficients,
    f"{_IP}._rbfinterp_np._build_and_solve_system": rbf_system,
    f"{_IP}.griddata": _no(f"{_IP}.griddata", _GRID),
    **{
        f"{_IP}.{name}.{method}": _no(f"{_IP}.{name}", _GRID)
        for name in ("LinearNDInterpolator", "NearestNDInterpolator", "CloughTocher2DInterpolator")
        for method in ("__init__", "__call__")
    },
    f"{_IP}.RectBivariateSpline.__init__": _no(f"{_IP}.RectBivariateSpline", _GRID),
    f"{_IP}.RectBivariateSpline.__call__": _no(f"{_IP}.RectBivariateSpline", _GRID),
}
