"""Machine code of the elementwise primitives, for scalars and vectors of any width.

Own vector mathematics: polynomials, no library. Each function is written once for double and
single precision and every width, so an element has the same value wherever in an array it lies.
"""

from .lanes import cast
from .table import lower, supports

__all__ = ["cast", "lower", "supports"]
