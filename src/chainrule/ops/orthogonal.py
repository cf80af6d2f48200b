"""Orthogonal polynomials and Legendre functions, differentiated by their argument.

A derivative is a polynomial of the same family, or of the next, one degree lower (Olver et al.,
NIST Digital Library of Mathematical Functions, 18.9 and 14.10).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ir.primitive import Array
from .elementwise import Elementwise
from .special import Refused, Special

_INF = np.inf
_N, _A, _B, _P, _Q = (Refused(k) for k in ("n", "alpha", "beta", "p", "q"))
_UNIT: Any = ((0, _INF), (-1, 1))
_SHIFTED: Any = ((0, _INF), (0, 1))
_LINE: Any = ((0, _INF), (-_INF, _INF))
_THREE: Any = ((0, _INF), (0, _INF), (-1, 1))


def _one_less(n: Array) -> Array:
    """A degree less, but for 0, where a factor is 0 anyway."""
    return np.where(n == 0, n, n - 1)


def _like(value: float, x: Array) -> Any:
    return x.dtype.type(value) if x.dtype.kind == "f" else value


# fmt: off
eval_gegenbauer: Elementwise  = Special("eval_gegenbauer",  "C({0}, {1}, {2})", _N, _A, lambda out, n, a, x: 2 * a * eval_gegenbauer(n - 1, a + 1, x), domain=_THREE)
eval_jacobi: Elementwise      = Special("eval_jacobi",      "P({0}, {1}, {2}, {3})", _N, _A, _B, lambda out, n, a, b, x: np.where(n == 0, 0.0, 0.5 * (n + a + b + 1) * eval_jacobi(_one_less(n), a + 1, b + 1, x)), domain=((0, _INF), (0, _INF), (0, _INF), (-1, 1)))
eval_legendre: Elementwise    = Special("eval_legendre",    "P({0}, {1})", _N, lambda out, n, x: eval_gegenbauer(n - 1, _like(1.5, x), x), domain=_UNIT)
eval_chebyt: Elementwise      = Special("eval_chebyt",      "T({0}, {1})", _N, lambda out, n, x: n * eval_chebyu(n - 1, x), domain=_UNIT)
eval_chebyu: Elementwise      = Special("eval_chebyu",      "U({0}, {1})", _N, lambda out, n, x: 2 * eval_gegenbauer(n - 1, _like(2, x), x), domain=_UNIT)
eval_chebyc: Elementwise      = Special("eval_chebyc",      "C({0}, {1})", _N, lambda out, n, x: n * eval_chebyu(n - 1, x / 2), domain=_UNIT)
eval_chebys: Elementwise      = Special("eval_chebys",      "S({0}, {1})", _N, lambda out, n, x: eval_gegenbauer(n - 1, _like(2, x), x / 2), domain=_UNIT)
eval_sh_legendre: Elementwise = Special("eval_sh_legendre", "P*({0}, {1})", _N, lambda out, n, x: 2 * eval_gegenbauer(n - 1, _like(1.5, x), 2 * x - 1), domain=_SHIFTED)
eval_sh_chebyt: Elementwise   = Special("eval_sh_chebyt",   "T*({0}, {1})", _N, lambda out, n, x: 2 * n * eval_chebyu(n - 1, 2 * x - 1), domain=_SHIFTED)
eval_sh_chebyu: Elementwise   = Special("eval_sh_chebyu",   "U*({0}, {1})", _N, lambda out, n, x: 4 * eval_gegenbauer(n - 1, _like(2, x), 2 * x - 1), domain=_SHIFTED)
eval_sh_jacobi: Elementwise   = Special("eval_sh_jacobi",   "G({0}, {1}, {2}, {3})", _N, _P, _Q, lambda out, n, p, q, x: np.where(n == 0, 0.0, n * eval_sh_jacobi(_one_less(n), p + 2, q + 1, x)), domain=((0, _INF), (4, _INF), (0, _INF), (0, 1)))
eval_hermite: Elementwise     = Special("eval_hermite",     "H({0}, {1})",  _N, lambda out, n, x: 2 * n * eval_hermite(_one_less(n), x), domain=_LINE)
eval_hermitenorm: Elementwise = Special("eval_hermitenorm", "He({0}, {1})", _N, lambda out, n, x: n * eval_hermitenorm(_one_less(n), x), domain=_LINE)
eval_laguerre: Elementwise    = Special("eval_laguerre",    "L({0}, {1})",  _N, lambda out, n, x: -eval_genlaguerre(n - 1, _like(1, x), x), domain=_LINE)
eval_genlaguerre: Elementwise = Special("eval_genlaguerre", "L({0}, {1}, {2})", _N, _A, lambda out, n, a, x: -eval_genlaguerre(n - 1, a + 1, x), domain=((0, _INF), (0, _INF), (-_INF, _INF)))
# (x² - 1) P′(m, v) = v x P(m, v) - (v + m) P(m, v - 1)
lpmv: Elementwise             = Special("lpmv", "P({0}, {1}, {2})", Refused("m"), Refused("v"), lambda out, m, v, x: (v * x * out - (v + m) * lpmv(m, v - 1, x)) / ((x - 1) * (x + 1)), domain=((0, 2), (2, _INF), (-1, 1)))
# fmt: on
