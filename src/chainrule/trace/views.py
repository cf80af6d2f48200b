"""Which functions of NumPy give views."""

from __future__ import annotations

import numpy as np

#: Functions that give views of their first argument, and not copies.
VIEWS = frozenset({
    np.reshape, np.ravel, np.transpose, np.swapaxes, np.moveaxis, np.rollaxis, np.squeeze,
    np.expand_dims, np.atleast_1d, np.atleast_2d, np.atleast_3d, np.flip, np.fliplr, np.flipud,
    np.rot90, np.split, np.array_split, np.hsplit, np.vsplit, np.dsplit, np.broadcast_to,
    np.diagonal, np.matrix_transpose,
})  # fmt: skip
