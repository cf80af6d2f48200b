"""Matrices of one column stay matrices: a network with one output reads as any other."""

import chainrule as cr
import numpy as np

rng = np.random.default_rng(0)


def test_a_network_with_one_output() -> None:
    def net(W1, b1, W2, b2, X, Y):
        h = np.tanh(X @ W1 + b1)
        E = h @ W2 + b2 - Y
        return 0.5 * np.sum(E**2)

    shapes = (4, 3), (3,), (3, 1), (1,), (11, 4), (11, 1)
    args = [rng.normal(size=s) for s in shapes]
    first = cr.formula(cr.grad(net, wrt="W1"))(*args)
    assert first.text.startswith("Xᵀ((EW₂ᵀ) ⊙ (1 − h^⊙2)) where")
    assert cr.formula(cr.grad(net, wrt="W2"))(*args).text.startswith("hᵀE where")


def test_an_outer_product_of_columns() -> None:
    a, b, M = rng.normal(size=(4, 1)), rng.normal(size=(5, 1)), rng.normal(size=(4, 5))
    assert cr.formula(cr.grad(lambda M, a, b: np.sum(a.T @ M @ b)))(M, a, b).text == "abᵀ"
    factor = cr.formula(cr.grad(lambda a, b, M: np.sum((a @ b.T - M) ** 2)))(a, b, M)
    assert factor.text == "2(abᵀ − M)b"
