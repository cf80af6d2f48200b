"""The real data that the tour runs on: 442 diabetes patients and 569 breast masses.

`chainrule/data/SOURCES.md` says where the tables come from.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

__all__ = ["Measurements", "breast_cancer", "diabetes"]


@dataclass(frozen=True)
class Measurements:
    """A table of real rows: named features as they were measured, and what is to be predicted."""

    names: tuple[str, ...]
    raw: np.ndarray
    target: np.ndarray

    @property
    def standard(self) -> np.ndarray:
        """The features with mean 0 and standard deviation 1."""
        return np.asarray((self.raw - self.raw.mean(axis=0)) / self.raw.std(axis=0))

    def column(self, name: str) -> np.ndarray:
        """Return one standardised feature."""
        return np.asarray(self.standard[:, self.names.index(name)])


def _read(name: str) -> tuple[list[str], np.ndarray]:
    """Return the header and the figures of a shipped table."""
    with (files("chainrule") / "data" / name).open(encoding="utf-8") as lines:
        header = next(lines).strip().split(",")
        return header, np.loadtxt(lines, delimiter=",")


@cache
def diabetes() -> Measurements:
    """Return ten measurements of 442 patients, and the disease's progression, standardised."""
    header, figures = _read("diabetes.csv")
    progression = figures[:, -1]
    return Measurements(
        tuple(header[:-1]),
        figures[:, :-1],
        (progression - progression.mean()) / progression.std(),
    )


@cache
def breast_cancer() -> Measurements:
    """Return the ten mean measurements of 569 breast masses, and whether each is malignant."""
    header, figures = _read("breast_cancer.csv")
    return Measurements(
        tuple(name.removeprefix("mean_") for name in header[:10]), figures[:, :10], figures[:, -1]
    )
