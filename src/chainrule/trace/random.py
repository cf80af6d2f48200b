"""Random numbers while a trace is at work: what a draw with traced parameters is.

A draw is made by NumPy from the generator at hand, so its values and what becomes of the generator
are those of NumPy. Where the distribution is a function of its parameters and of a number that does
not depend on them (a location and a scale, a quantile), that number is drawn and the function is
recorded: this is the *reparameterised* (pathwise) derivative, with the draw held fixed. A gamma or a
beta variate is recorded as a quantile, at a probability that is held fixed. Elsewhere, as where the
values are whole numbers, the parameters must be constants.

Under ``jit`` the outermost trace collects the draws (its ``draws``): each is then an input of the
program, drawn anew at every call, in the same order.

Kingma and Welling, "Auto-Encoding Variational Bayes" (2014); the formulas are those of NumPy's
``distributions.c`` and ``legacy-distributions.c``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import CutDerivative
from ..ops.incomplete import betainc, gammainc
from ..ops.probability import stdtr
from ..ops.special import betaln, gammaln, log_ndtr, ndtr
from ..ops.structural import stop_gradient
from .buffers import Buffer, buffer
from .nesting import innermost
from .site import expression_of, mark, site_of
from .tracer import Tracer

_ndarray = np.ndarray


class Draw:
    """One call of a method of a generator, by a program that is being traced."""

    def __init__(self, trace: Any, generator: Any, name: str, methods: dict[str, Any]) -> None:
        self.trace, self.generator, self.name, self._methods = trace, generator, name, methods
        #: Whether it is a ``RandomState``, whose formulas differ from a ``Generator``'s.
        self.legacy = "random_sample" in methods

    def __call__(self, name: str, *args: Any, **keywords: Any) -> Any:
        """What NumPy draws."""
        return self.run(self._methods[name], args, keywords)

    def run(self, method: Callable[..., Any], args: Any, keywords: Any) -> Any:
        """What ``method(generator, …)`` draws, on plain arguments."""
        args = tuple(self.constant(a) for a in args)
        keywords = {k: v if k == "out" else self.constant(v) for k, v in keywords.items()}
        draws = self.trace.root.draws
        if draws is None:
            made = method(self.generator, *args, **keywords)
            plain = type(made) is _ndarray and made.dtype.kind in "fciub"
            return buffer(made, self.trace) if plain else made
        target = keywords.pop("out", None)
        if target is not None:
            method = _into(method, tuple(map(int, target.shape)), target.dtype)
        made = draws.draw(self.generator, method, args, keywords)
        made = buffer(made, self.trace) if type(made) is _ndarray else made
        return made if target is None else self.trace.assign(target, made)

    def constant(self, x: Any) -> Any:
        """``x`` as NumPy takes it; a traced value must be one without a derivative."""
        owner = innermost((x,))
        if owner is None:
            if type(x) is Buffer:
                return x.plain()
            return x
        lifted = owner.lift(x)
        inner = lifted.recorder
        root = inner.root
        if not inner.carries(lifted):
            return inner.decide_array(lifted).copy()[()]
        if not root.differentiated and lifted.node.level <= root.level:
            return root.decide_array(lifted).copy()[()]
        error = CutDerivative(
            f"`{expression_of(mark(2)) or self.name}` draws from {self.name} with a traced parameter, "
            f"{WHY.get(self.name, 'for which no derivative along the draw is known here')}. Give it "
            "chainrule.stop_gradient of the parameter to mean a constant, or weigh with the "
            "derivative of the log-probability.",
            site_of(mark(2)),
        )
        root.refuse(error)
        raise error

    def decided(self, x: Any) -> Any:
        """The value at hand of a parameter on which it depends how many random numbers are drawn."""
        owner = innermost((x,))
        if owner is None:
            return x
        lifted = owner.lift(x)
        return lifted.recorder.decide_array(lifted).copy()[()]

    def shape(self, size: Any, *parameters: Any) -> Any:
        """The size of what is drawn; ``None`` for one number."""
        if size is not None:
            return tuple(int(n) for n in size) if np.iterable(size) else (int(size),)
        shape = np.broadcast_shapes(*(np.shape(p) for p in parameters))
        return shape or None

    def positive(self, name: str, value: Any) -> None:
        """Raise what NumPy raises for a parameter that is not positive, where that is known."""
        at_hand = value.recorder.peek(value.node) if type(value) is Tracer else value
        if type(at_hand) is not Buffer and np.any(np.signbit(at_hand)):
            raise ValueError(f"{name} < 0")


def _into(method: Callable[..., Any], shape: tuple[int, ...], dtype: Any) -> Callable[..., Any]:
    """``method`` with ``out=`` an array of its own."""

    def drawn(generator: Any, *args: Any, **keywords: Any) -> Any:
        return method(generator, *args, out=np.empty(shape, dtype), **keywords)

    return drawn


_WHOLE = "and gives whole numbers, which have no derivative by it"
_REJECTS = "and how many random numbers it takes depends on that"
#: Why a distribution has no derivative along its draws.
WHY: dict[str, str] = {
    **dict.fromkeys(
        ("poisson", "binomial", "negative_binomial", "geometric", "zipf", "logseries", "integers",
         "hypergeometric", "multinomial", "multivariate_hypergeometric", "randint"), _WHOLE),
    **dict.fromkeys(
        ("dirichlet", "noncentral_chisquare", "noncentral_f", "vonmises"), _REJECTS),
    "choice": "and which entries it chooses jumps with it",
}  # fmt: skip


# -- distributions ---------------------------------------------------------------------------------


def _normal(draw: Draw, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
    draw.positive("scale", scale)
    return loc + scale * draw("standard_normal", draw.shape(size, loc, scale))


def _uniform(draw: Draw, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
    return low + (high - low) * draw("random", draw.shape(size, low, high))


def _exponential(draw: Draw, scale: Any = 1.0, size: Any = None) -> Any:
    draw.positive("scale", scale)
    return scale * draw("standard_exponential", draw.shape(size, scale))


def _located(draw: Draw, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
    draw.positive("scale", scale)
    return loc + scale * draw(draw.name, 0.0, 1.0, draw.shape(size, loc, scale))


def _lognormal(draw: Draw, mean: Any = 0.0, sigma: Any = 1.0, size: Any = None) -> Any:
    draw.positive("sigma", sigma)
    return np.exp(mean + sigma * draw("standard_normal", draw.shape(size, mean, sigma)))


def _rayleigh(draw: Draw, scale: Any = 1.0, size: Any = None) -> Any:
    draw.positive("scale", scale)
    return scale * draw("rayleigh", 1.0, draw.shape(size, scale))


def _root(draw: Draw, a: Any, size: Any = None) -> Any:
    """``weibull`` and ``power``: the root of a draw for ``a = 1``."""
    draw.positive("a", a)
    return draw(draw.name, 1.0, draw.shape(size, a)) ** (1.0 / a)


def _pareto(draw: Draw, a: Any, size: Any = None) -> Any:
    draw.positive("a", a)
    scaled = draw("standard_exponential", draw.shape(size, a)) / a
    return np.exp(scaled) - 1 if draw.legacy else np.expm1(scaled)


def _triangular(draw: Draw, left: Any, mode: Any, right: Any, size: Any = None) -> Any:
    u = draw("random", draw.shape(size, left, mode, right))
    base = right - left
    rising = u <= (mode - left) / base
    # Each side is computed where it is taken, so that no root is of a number below zero.
    low = left + np.sqrt(np.where(rising, u, 0.5) * ((mode - left) * base))
    high = right - np.sqrt((1.0 - np.where(rising, 0.5, u)) * ((right - mode) * base))
    return np.where(rising, low, high)


def _gamma(draw: Draw, shape: Any, scale: Any = 1.0, size: Any = None) -> Any:
    draw.positive("scale", scale)
    return scale * _standard_gamma(draw, shape, draw.shape(size, shape, scale))


def _standard_gamma(draw: Draw, shape: Any, size: Any = None) -> Any:
    z = draw("standard_gamma", draw.decided(shape), draw.shape(size, shape))
    return _implicit(gammainc, _gamma_density, (shape,), z)


def _chisquare(draw: Draw, df: Any, size: Any = None) -> Any:
    return 2.0 * _standard_gamma(draw, df / 2.0, size)


def _beta(draw: Draw, a: Any, b: Any, size: Any = None) -> Any:
    z = draw("beta", draw.decided(a), draw.decided(b), draw.shape(size, a, b))
    return _implicit(betainc, _beta_density, (a, b), z)


def _standard_t(draw: Draw, df: Any, size: Any = None) -> Any:
    z = draw("standard_t", draw.decided(df), draw.shape(size, df))
    return _implicit(stdtr, _t_density, (df,), z, low=-np.inf)


def _f(draw: Draw, dfnum: Any, dfden: Any, size: Any = None) -> Any:
    # As a ratio of chi-squares is to a beta variate: p = dfnum z / (dfnum z + dfden).
    z = draw("f", draw.decided(dfnum), draw.decided(dfden), draw.shape(size, dfnum, dfden))
    held = _held(dfnum) * z
    share = _implicit(betainc, _beta_density, (dfnum / 2.0, dfden / 2.0), held / (held + _held(dfden)))
    return share * dfden / ((1.0 - share) * dfnum)


def _wald(draw: Draw, mean: Any, scale: Any, size: Any = None) -> Any:
    z = draw("wald", draw.decided(mean), draw.decided(scale), draw.shape(size, mean, scale))
    return _implicit(_wald_cdf, _wald_density, (mean, scale), z)


def _dirichlet(draw: Draw, alpha: Any, size: Any = None) -> Any:
    """Gamma variates over their sum, as NumPy has it unless all parameters are below 0.1."""
    at_hand = draw.decided(alpha)
    if not draw.legacy and np.max(at_hand) < 0.1:
        return draw("dirichlet", alpha, size)
    shape = () if size is None else draw.shape(size)
    z = _standard_gamma(draw, alpha, (*shape, *np.shape(at_hand)))
    return z / np.sum(z, axis=-1, keepdims=True)


def _t_density(df: Any, z: Any) -> Any:
    return np.exp(-0.5 * (df + 1.0) * np.log1p(z * z / df) - betaln(0.5, df / 2.0)) / np.sqrt(df)


def _wald_cdf(mean: Any, scale: Any, z: Any) -> Any:
    root = np.sqrt(scale / z)
    reflected = np.exp(2.0 * scale / mean + log_ndtr(-root * (z / mean + 1.0)))
    return ndtr(root * (z / mean - 1.0)) + reflected


def _wald_density(mean: Any, scale: Any, z: Any) -> Any:
    return np.sqrt(scale / (2.0 * np.pi * z**3)) * np.exp(-0.5 * scale * (z / mean - 1.0) ** 2 / z)


def _gamma_density(a: Any, z: Any) -> Any:
    return np.exp((a - 1.0) * np.log(z) - z - gammaln(a))


def _beta_density(a: Any, b: Any, z: Any) -> Any:
    return np.exp((a - 1.0) * np.log(z) + (b - 1.0) * np.log1p(-z) - betaln(a, b))


def _implicit(
    cdf: Any, density: Any, parameters: tuple[Any, ...], drawn: Any, low: float = 0.0
) -> Any:
    """What was ``drawn``, as the quantile that it is: a function of the parameters.

    A step of Newton's method from the root moves nothing, and gives the root its derivative; two
    steps give it three. Figurnov, Mohamed and Mnih, "Implicit Reparameterization Gradients" (2018).
    """
    if innermost(parameters) is None:
        return drawn
    inside = np.logical_and(drawn > low, cdf(*map(_held, parameters), drawn) < 1.0)
    start = np.where(inside, drawn, 0.5)
    rank = cdf(*map(_held, parameters), start)
    z = start
    for _ in range(2):
        z = z - (cdf(*parameters, z) - rank) / density(*parameters, z)
    return np.where(inside, z, drawn)


def _held(x: Any) -> Any:
    return stop_gradient.bind((x,)) if issubclass(type(x), Tracer) else x


def _multivariate_normal(
    draw: Draw, mean: Any, cov: Any, size: Any = None, check_valid: str = "warn",
    tol: float = 1e-8, *, method: str = "svd",
) -> Any:  # fmt: skip
    shape = () if size is None else draw.shape(size)
    count = np.shape(mean)[0]
    z = np.reshape(draw("standard_normal", (int(np.prod(shape)), count)), (-1, count))
    if not draw.legacy and method == "cholesky":
        factor = np.linalg.cholesky(cov).T
    elif not draw.legacy and method == "eigh":
        values, vectors = np.linalg.eigh(cov)
        factor = (vectors * np.sqrt(values)).T
    else:
        u, values, vh = np.linalg.svd(cov)
        factor = np.sqrt(values)[:, None] * vh if draw.legacy else (u * np.sqrt(values)).T
    return np.reshape(mean + z @ factor, (*shape, count))


# -- choices and orders ----------------------------------------------------------------------------


def _choice(
    draw: Draw, a: Any, size: Any = None, replace: Any = True, p: Any = None, axis: int = 0,
    shuffle: bool = True,
) -> Any:  # fmt: skip
    given = {} if draw.legacy else {"shuffle": shuffle}
    if np.ndim(a) == 0:
        return draw("choice", draw.constant(a), size, replace, p, **given)
    return np.take(a, draw("choice", np.shape(a)[axis], size, replace, p, **given), axis)


def _permutation(draw: Draw, x: Any, axis: int = 0) -> Any:
    if np.ndim(x) == 0:
        return draw("permutation", draw.constant(x))
    return np.take(x, draw("permutation", int(np.shape(x)[axis])), axis)


def _shuffle(draw: Draw, x: Any, axis: int = 0) -> None:
    def order(generator: Any, n: int) -> np.ndarray:
        made = np.arange(n)
        draw._methods["shuffle"](generator, made)  # noqa: SLF001 - its own class's
        return made

    x[...] = np.take(x, draw.run(order, (int(np.shape(x)[axis]),), {}), axis)


def _permuted(draw: Draw, x: Any, axis: Any = None, out: Any = None) -> Any:
    shape = tuple(int(n) for n in np.shape(x))
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    made = np.take(np.ravel(x), draw("permuted", numbers, axis=axis))
    return made if out is None else draw.trace.assign(out, made)


#: Method -> what it is where one of its parameters is traced.
RULES: dict[str, Callable[..., Any]] = {
    "normal": _normal, "uniform": _uniform, "exponential": _exponential, "laplace": _located,
    "logistic": _located, "gumbel": _located, "lognormal": _lognormal, "rayleigh": _rayleigh,
    "weibull": _root, "power": _root, "pareto": _pareto, "triangular": _triangular,
    "gamma": _gamma, "standard_gamma": _standard_gamma, "chisquare": _chisquare, "beta": _beta,
    "standard_t": _standard_t, "f": _f, "wald": _wald, "dirichlet": _dirichlet,
    "multivariate_normal": _multivariate_normal, "choice": _choice,
    "permutation": _permutation, "shuffle": _shuffle, "permuted": _permuted,
}  # fmt: skip

#: Methods that draw nothing that a program could be given again.
_UNSEEN = frozenset({"spawn", "get_state", "set_state", "bytes", "tomaxint"})


def drawn(
    trace: Any, generator: Any, name: str, methods: dict[str, Any], args: Any, keywords: Any
) -> Any:
    """``generator.name(*args, **keywords)``, by a program that is being traced."""
    draws = trace.root.draws
    traced = innermost((args, {k: v for k, v in keywords.items() if k != "out"})) is not None
    if draws is not None and name in _UNSEEN:
        draws.refuse(f"it calls {name} of a random generator")
    draw = Draw(trace, generator, name, methods)
    if name in ("shuffle", "permuted") and args and not traced and draws is not None:
        x = args[0]  # an order of traced numbers, which a floating-point array can be given
        traced = type(x) is Buffer and x.dtype.kind in "fc"
        if not traced:
            draws.refuse(f"it calls {name} on an array of whole numbers or a list")
    if name == "shuffle" and not traced:
        plain = [a.plain() if type(a) is Buffer else a for a in args]
        return methods[name](generator, *plain, **keywords)
    if not traced or name not in RULES:
        return draw(name, *args, **keywords)
    target = None if name == "permuted" else keywords.pop("out", None)
    keywords.pop("dtype", None)
    made = RULES[name](draw, *args, **keywords)
    return made if target is None else trace.assign(target, made)


# -- where NumPy's methods are ---------------------------------------------------------------------


def loaded() -> Any:
    """NumPy's module of random numbers, if it was imported."""
    return sys.modules.get("numpy.random")


def is_generator(x: Any) -> bool:
    """Whether ``x`` is a random generator of NumPy's."""
    module = loaded()
    return module is not None and isinstance(x, module.Generator | module.RandomState)
