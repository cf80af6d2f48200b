"""Decisions that a program took on concrete values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir.node import Node
from .site import Mark


@dataclass(frozen=True, slots=True)
class Guard:
    """A decision that the program took on a concrete value: ``kind(node) == outcome``.

    For an array of decisions, one for each example of a batch, ``outcome`` is the tuple of them.
    """

    node: Node
    kind: type
    outcome: Any
    mark: Mark | None

    def holds(self, value: Any) -> bool:
        """Whether ``value`` leads to the same decision."""
        return bool(self.decided(value) == self.outcome)

    def decided(self, value: Any) -> Any:
        """The decision that ``value`` leads to."""
        if type(self.outcome) is tuple:
            return tuple(self.kind(v) for v in np.ravel(value))
        return self.kind(value)
