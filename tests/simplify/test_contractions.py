"""Contractions whose operands only rename: the indices that become one, in any order."""

from random import Random

import chainrule as cr
import numpy as np
from chainrule.ir.graph import Graph
from chainrule.ir.node import input_node, node
from chainrule.ir.types import ArrayType
from chainrule.ops.contraction import einsum
from chainrule.ops.program import Program
from chainrule.simplify.rules import RULES


def test_identities_and_diagonals_dissolve() -> None:
    random = Random(0)  # noqa: S311 - the same programs every time
    value = np.random.default_rng(0).normal(size=(2, 2))
    x = input_node(1, 0, ArrayType((2, 2), np.dtype(float)))
    for _ in range(400):
        own = random.choice(("", "a", "ab", "ba"))
        out = "".join(random.choice("abc"[: max(1, len(own) + 1)]) for _ in range(4))
        out += "".join(c for c in own if c not in out)
        free = tuple((c, 2) for c in sorted(set(out) - set(own)))
        source = x if len(own) == 2 else node(einsum, (x,), ("pq->p", ()))
        inner = node(einsum, (source,) if own else (), (f"{own}->{out}", free))
        read = "".join(random.choice("ijkl") for _ in out)
        kept = [c for c in dict.fromkeys(read) if random.random() < 0.7]
        random.shuffle(kept)
        outer = node(einsum, (inner, x), (f"{read},ij->{''.join(kept)}", ()))
        (plain,) = Program(Graph((x,), (outer,)))([value])
        (simple,) = Program(Graph((x,), tuple(RULES([outer]))))([value])
        assert np.allclose(plain, simple), (own, out, read, kept)


def test_second_derivatives_of_eigenvalues() -> None:
    rng = np.random.default_rng(1)
    S = rng.normal(size=(3, 3))
    S = S + S.T
    gradient = cr.grad(lambda S: np.linalg.eigvalsh(S)[-1])
    hessian = cr.hessian(lambda S: np.linalg.eigvalsh(S)[-1])(S)
    for k in range(9):
        direction = np.eye(9)[k].reshape(3, 3)
        _, along = cr.jvp(gradient, (S,), (direction,))
        assert np.allclose(np.einsum("ijkl,kl", hessian, direction), along, atol=1e-12)
