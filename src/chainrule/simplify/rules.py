"""The rule sheets, by what each preserves: ``EXACT`` the bits, ``STABLE`` the real numbers."""

from __future__ import annotations

import numpy as np

from .engine import Rules
from .pattern import Rule

EXACT = (
    Rule("double negation", lambda x: (np.negative(-x), x), kinds="fciu"),
    Rule("a negative is subtracted", lambda x, y: (x + (-y), x - y), kinds="fciu"),
)

STABLE = (Rule("log of one plus", lambda x: (np.log(1 + x), np.log1p(x)), samples="positive"),)

#: What derived programs are rewritten by before they are run.
RULES = Rules((*EXACT, *STABLE))
