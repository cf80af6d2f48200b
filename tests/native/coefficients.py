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
    """f, and near 0 its value at a small number."""
    return lambda x: f(x if abs(x) > limit else limit)


def table():
    ln2 = mp.log(2)
    small = mp.mpf(10) ** -20
    yield (
        "EXP", "(exp(r) - 1 - r) / r² for |r| ≤ log(2)/2",
        safe(lambda r: (mp.expm1(r) - r) / r**2, small), -ln2 / 2 * 1.001, ln2 / 2 * 1.001, (2.0**-54, 2.0**-24),
    )
    yield (
        "LOG", "(log(1 + f) - f + f²/2) / f³ for √½ ≤ 1 + f ≤ √2",
        safe(lambda f: (mp.log1p(f) - f + f**2 / 2) / f**3, small), mp.sqrt(0.5) - 1.0001, mp.sqrt(2) - 0.9999, (2.0**-53.5, 2.0**-24.5),
    )


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
            numbers = fit(f, low, high, tolerance)
            digits = 17 if element == "double" else 10
            lines.append(f'    "{element}": (')
            lines += [f"        {c:.{digits}g}," for c in numbers]
            lines.append("    ),")
        lines.append("}")
    TARGET.write_text("\n".join(lines) + "\n# fmt: on\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
