"""Computes the coefficients of the vector functions: ``python tests/native/coefficients.py``.

Each is the Chebyshev expansion of what is left of a function after its leading terms, truncated
where its error, in 120 digits, is below what the format can show, and turned into powers.
"""

import sys
from pathlib import Path

import mpmath as mp

TARGET = Path(__file__).parents[2] / "src/chainrule/native/vector/coefficients.py"


def fit(f, low, high, tolerance):
    for n in range(2, 40):
        powers, error = mp.chebyfit(f, [low, high], n, error=True)
        if error < tolerance:
            return [float(c) for c in reversed(powers)]
    raise ValueError


def safe(f, limit):
    """The function f, and near 0 its value at a small number."""
    return lambda x: f(x if abs(x) > limit else limit)


def table():
    ln2, root = mp.log(2), mp.sqrt(mp.mpf(1) / 2)
    small = mp.mpf(10) ** -20
    high, quarter = (mp.pi / 2 * 1.0001) ** 2, (mp.pi / 4 * 1.0001) ** 2
    yield (
        "EXP", "(exp(r) - 1 - r) / r² for |r| ≤ log(2)/2",
        safe(lambda r: (mp.expm1(r) - r) / r**2, small), -ln2 / 2 * 1.001, ln2 / 2 * 1.001, (2.0**-54, 2.0**-24),
    )
    yield (
        "LOG", "(log(1 + f) - f + f²/2) / f³ for √½ ≤ 1 + f ≤ √2",
        safe(lambda f: (mp.log1p(f) - f + f**2 / 2) / f**3, small), root - 1.0001, 2 * root - 0.9999, (2.0**-53.5, 2.0**-24.5),
    )
    yield (
        "EXP_ROUGH", "as EXP, for results in single precision",
        safe(lambda r: (mp.expm1(r) - r) / r**2, small), -ln2 / 2 * 1.001, ln2 / 2 * 1.001, (2.0**-31, None),
    )
    yield (
        "LOG_ROUGH", "as LOG, for results in single precision",
        safe(lambda f: (mp.log1p(f) - f + f**2 / 2) / f**3, small), root - 1.0001, 2 * root - 0.9999, (2.0**-36, None),
    )
    yield (
        "LOG_RATIO", "(atanh(s)/s - 1 - s²/3) / s⁴ in s², for |s| ≤ (√2 - 1) / (√2 + 1)",
        of_root(lambda s: (mp.atanh(s) / s - 1 - s**2 / 3) / s**4), 0, mp.mpf("0.02946"), (2.0**-58, None),
    )
    yield (
        "SIN", "(sin(r) - r) / r³ in r², for |r| ≤ π/2",
        of_root(lambda r: (mp.sin(r) - r) / r**3), 0, high, (2.0**-60, 2.0**-31),
    )
    yield (
        "SIN_SHORT", "(sin(r) - r) / r³ in r², for |r| ≤ π/4",
        of_root(lambda r: (mp.sin(r) - r) / r**3), 0, quarter, (2.0**-57, 2.0**-27),
    )
    yield (
        "COS_SHORT", "(cos(r) - 1 + r²/2) / r⁴ in r², for |r| ≤ π/4",
        of_root(lambda r: (mp.cos(r) - 1 + r**2 / 2) / r**4), 0, quarter, (2.0**-57, 2.0**-27),
    )
    yield (
        "ARCTAN", "(arctan(t) - t) / t³ in t², for |t| ≤ √2 - 1",
        of_root(lambda t: (mp.atan(t) - t) / t**3), 0, mp.mpf("0.17158"), (2.0**-54.5, 2.0**-25),
    )
    yield (
        "ARCSIN", "(arcsin(x) - x) / x³ in x², for |x| ≤ 1/2",
        of_root(lambda x: (mp.asin(x) - x) / x**3), 0, mp.mpf("0.25001"), (2.0**-55, 2.0**-26),
    )
    yield (
        "INVERSE_ROOT", "m**(-1/3) for √½ ≤ m ≤ √2",
        lambda m: m ** (-mp.mpf(1) / 3), root * 0.9999, 2 * root * 1.0001, (2.0**-19, 2.0**-10),
    )
    yield (
        "ERF", "erf(x)/x - 1 in x², for |x| ≤ 1",
        of_root(lambda x: mp.erf(x) / x - 1), 0, 1, (2.0**-57, 2.0**-28),
    )
    yield (
        "ERFCX", "(1 + 2x) exp(x²) erfc(x) in (x - 4) / (x + 4), for x ≥ 0",
        lambda t: erfcx(4 * (1 + t) / (1 - t) if t < 1 - 1e-30 else mp.mpf(10) ** 40), -1, 1, (2.0**-56, 2.0**-26),
    )
    yield (
        "ERFCX_SLOPE", "the derivative of that, roughly",
        lambda t: mp.diff(lambda u: erfcx(4 * (1 + u) / (1 - u)), t, h=mp.mpf(10) ** -30), -1, mp.mpf("0.9"), (0.1, 0.1),
    )
    yield (
        "GAMMALN", "log Γ(2 + t) / t for |t| ≤ 1/2",
        safe(lambda t: mp.loggamma(2 + t) / t, small), -mp.mpf("0.5001"), mp.mpf("0.5001"), (2.0**-57, None),
    )
    yield (
        "STIRLING", "(log Γ(x) - (x - 1/2) log x + x - log(2π)/2) x in 1/x², for x ≥ 8",
        of_inverse(lambda x: (mp.loggamma(x) - (x - 0.5) * mp.log(x) + x - mp.log(2 * mp.pi) / 2) * x, mp.mpf(1) / 12),
        0, mp.mpf(1) / 64, (2.0**-52, None),
    )
    zero = mp.findroot(mp.digamma, 1.46)
    yield (
        "PSI", "ψ(2 + t) / (2 + t - z) for -0.54 ≤ t ≤ 0.47, where ψ(z) = 0",
        lambda t: mp.digamma(2 + t) / (2 + t - zero), mp.mpf("-0.5384"), mp.mpf("0.47"), (2.0**-56, None),
    )
    yield (
        "PSI_FAR", "(log x - 1/(2x) - ψ(x)) x² in 1/x², for x ≥ 8",
        of_inverse(lambda x: (mp.log(x) - 1 / (2 * x) - mp.digamma(x)) * x**2, mp.mpf(1) / 12), 0, mp.mpf(1) / 64, (2.0**-50, None),
    )


def of_root(f):
    """The even function f as one of the square of its argument."""
    return lambda s: f(mp.sqrt(max(s, mp.mpf(10) ** -36)))


def of_inverse(f, limit):
    """The function f as one of the inverse square of its argument."""
    return lambda s: f(1 / mp.sqrt(s)) if s > 1e-24 else limit


def erfcx(x):
    if x < 100:
        return (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x)
    inverse, term, total = 1 / (2 * x * x), mp.mpf(1), mp.mpf(1)
    for k in range(30):
        term *= -(2 * k + 1) * inverse
        total += term
    return (2 + 1 / x) / mp.sqrt(mp.pi) * total


def main():
    mp.mp.dps = 120
    lines = [
        '"""Coefficients of polynomials, lowest power first; computed by tests/native/coefficients.py.',
        "",
        "Each is a truncated Chebyshev expansion in 120 digits, of the function in the comment.",
        '"""',
        "",
        "# fmt: off",
    ]
    for name, text, f, low, high, tolerances in table():
        lines += ["", f"#: {text}.", f"{name} = {{"]
        for element, tolerance in zip(("double", "float"), tolerances, strict=True):
            if tolerance is None:
                continue
            numbers = fit(f, low, high, tolerance)
            digits = 17 if element == "double" else 10
            lines.append(f'    "{element}": (')
            lines += [f"        {c:.{digits}g}," for c in numbers]
            lines.append("    ),")
        lines.append("}")
    TARGET.write_text("\n".join(lines) + "\n# fmt: on\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
