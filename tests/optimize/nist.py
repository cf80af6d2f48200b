"""The NIST StRD problems of non-linear regression: models, data and certified values.

The files in ``tests/data/nist`` are NIST's own (public domain,
https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml).
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parents[1] / "data" / "nist"


def gauss(b, x):
    return (
        b[0] * np.exp(-b[1] * x)
        + b[2] * np.exp(-((x - b[3]) ** 2) / b[4] ** 2)
        + b[5] * np.exp(-((x - b[6]) ** 2) / b[7] ** 2)
    )


def lanczos(b, x):
    return b[0] * np.exp(-b[1] * x) + b[2] * np.exp(-b[3] * x) + b[4] * np.exp(-b[5] * x)


def chwirut(b, x):
    return np.exp(-b[0] * x) / (b[1] + b[2] * x)


def cubic(b, x):
    return (b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3) / (
        1 + b[4] * x + b[5] * x**2 + b[6] * x**3
    )


def rise(b, x):
    return b[0] * (1 - np.exp(-b[1] * x))


def enso(b, x):
    turns = 2 * np.pi * x
    year = b[1] * np.cos(turns / 12) + b[2] * np.sin(turns / 12)
    slow = b[4] * np.cos(turns / b[3]) + b[5] * np.sin(turns / b[3])
    return b[0] + year + slow + b[7] * np.cos(turns / b[6]) + b[8] * np.sin(turns / b[6])


MODELS = {
    "Bennett5": lambda b, x: b[0] * (b[1] + x) ** (-1 / b[2]),
    "BoxBOD": rise,
    "Chwirut1": chwirut,
    "Chwirut2": chwirut,
    "DanWood": lambda b, x: b[0] * x ** b[1],
    "ENSO": enso,
    "Eckerle4": lambda b, x: b[0] / b[1] * np.exp(-0.5 * ((x - b[2]) / b[1]) ** 2),
    "Gauss1": gauss,
    "Gauss2": gauss,
    "Gauss3": gauss,
    "Hahn1": cubic,
    "Kirby2": lambda b, x: (b[0] + b[1] * x + b[2] * x**2) / (1 + b[3] * x + b[4] * x**2),
    "Lanczos1": lanczos,
    "Lanczos2": lanczos,
    "Lanczos3": lanczos,
    "MGH09": lambda b, x: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
    "MGH10": lambda b, x: b[0] * np.exp(b[1] / (x + b[2])),
    "MGH17": lambda b, x: b[0] + b[1] * np.exp(-x * b[3]) + b[2] * np.exp(-x * b[4]),
    "Misra1a": rise,
    "Misra1b": lambda b, x: b[0] * (1 - (1 + b[1] * x / 2) ** -2.0),
    "Misra1c": lambda b, x: b[0] * (1 - (1 + 2 * b[1] * x) ** -0.5),
    "Misra1d": lambda b, x: b[0] * b[1] * x / (1 + b[1] * x),
    "Nelson": lambda b, x: b[0] - b[1] * x[0] * np.exp(-b[2] * x[1]),
    "Rat42": lambda b, x: b[0] / (1 + np.exp(b[1] - b[2] * x)),
    "Rat43": lambda b, x: b[0] / (1 + np.exp(b[1] - b[2] * x)) ** (1 / b[3]),
    "Roszman1": lambda b, x: b[0] - b[1] * x - np.arctan(b[2] / (x - b[3])) / np.pi,
    "Thurber": cubic,
}


@dataclass(frozen=True)
class Problem:
    """One problem: model, data, both starts, and what NIST certifies."""

    model: object
    x: np.ndarray
    y: np.ndarray
    starts: tuple[np.ndarray, np.ndarray]
    parameters: np.ndarray
    deviations: np.ndarray
    sum_of_squares: float


def load(name):
    lines = (FOLDER / f"{name}.dat").read_text(encoding="ascii").splitlines()
    rows = [line for line in lines[40:60] if re.match(r"\s*b\d+\s*=", line)]
    table = np.array([[float(v) for v in row.split("=")[1].split()] for row in rows])
    first = next(k for k, line in enumerate(lines) if re.match(r"Data:\s+y", line)) + 1
    data = np.array([[float(v) for v in line.split()] for line in lines[first:] if line.strip()])
    total = next(line for line in lines if line.startswith("Residual Sum of Squares"))
    y, x = data[:, 0], data[:, 1:].T
    return Problem(
        MODELS[name],
        x[0] if len(x) == 1 else x,
        np.log(y) if name == "Nelson" else y,
        (table[:, 0], table[:, 1]),
        table[:, 2],
        table[:, 3],
        float(total.split(":")[1]),
    )


def digits(found, true):
    """The number of digits in which the worst of ``found`` agrees with ``true``."""
    error = np.abs(np.asarray(found) - true) / np.abs(true)
    return float(np.min(-np.log10(np.maximum(error, 1e-16))))
