"""How do I fit a nonlinear model, and how good are the digits? NIST's certified problems."""

from collections.abc import Callable
from pathlib import Path

import chainrule as cr
import numpy as np

FOLDER = Path(__file__).parents[1] / "tests" / "data" / "nist"


def chwirut(b: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.exp(-b[0] * x) / (b[1] + b[2] * x)


def gauss(b: np.ndarray, x: np.ndarray) -> np.ndarray:
    first, second = ((x - b[3]) / b[4]) ** 2, ((x - b[6]) / b[7]) ** 2
    return b[0] * np.exp(-b[1] * x) + b[2] * np.exp(-first) + b[5] * np.exp(-second)


def thurber(b: np.ndarray, x: np.ndarray) -> np.ndarray:
    above = b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3
    return above / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3)


def rational(b: np.ndarray, x: np.ndarray) -> np.ndarray:
    return b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3])


def read(name: str) -> tuple[np.ndarray, ...]:
    """Two starts, the certified values and their standard errors; then the data, y and x."""
    lines = (FOLDER / f"{name}.dat").read_text().splitlines()
    table = [line.split("=")[1].split() for line in lines[40:60] if line.startswith("  b")]
    rows = [line.split() for line in lines[60:]]
    return (*np.array(table, float).T, *np.array(rows, float).T)


def residuals(b: np.ndarray, model: Callable, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return y - model(b, x)


PROBLEMS = {"Chwirut1": chwirut, "Gauss3": gauss, "Thurber": thurber, "MGH09": rational}
print("problem     from   digits: unknowns, standard errors")
for name, model in PROBLEMS.items():
    far, near, certified, certified_errors, y, x = read(name)
    for which, start in (("far", far), ("near", near)):
        found = cr.least_squares(residuals, start, args=(model, x, y), method="lm")
        off = abs(found.x - certified) / abs(certified)
        errors_off = abs(found.standard_errors() - certified_errors) / certified_errors
        digits = -np.log10(max(off.max(), 1e-11)), -np.log10(max(errors_off.max(), 1e-11))
        print(f"{name:10}  {which:5}  {digits[0]:4.1f}, {digits[1]:4.1f}")
        assert found.success
        assert min(digits) >= 6
