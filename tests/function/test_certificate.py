"""Certificates of curvature: textbook functions, hypotheses, witnesses, and none that is false."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.errors import ArgumentError, NotDifferentiable, NotScalar, WrongKeyword
from chainrule.function.certificate import Certification
from chainrule.simplify import curvature
from tests.function.curvature_programs import Program, contradiction
from tests.function.textbook import KNOWN, Known

COUNT = int(os.environ.get("CHAINRULE_CERTIFICATES", "60"))
rng = np.random.default_rng(1)
X, y = rng.normal(size=(9, 3)), rng.normal(size=9)
w = rng.normal(size=3)


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_textbook(known: Known) -> None:
    found = cr.certificate(known.function, *known.arguments, wrt=known.wrt)
    assert found.verdict == known.verdict, str(found)
    proof = Certification(known.function, known.arguments, {}, known.wrt, {})
    given = proof.certificate(verify=False)
    if given:
        assert contradiction(proof, given.verdict, tries=6) is None


@pytest.mark.parametrize("block", range(3))
def test_no_false_certificate(block: int) -> None:
    for seed in range(block, COUNT, 3):
        program = Program(seed)
        f, arguments, wrt = program.function()
        with np.errstate(all="ignore"):
            try:
                if not np.isfinite(f(*arguments)):
                    continue
                proof = Certification(f, arguments, {}, wrt, {})
            except (ValueError, ZeroDivisionError):
                continue
            given = proof.certificate(verify=False)
            if given:
                assert contradiction(proof, given.verdict) is None, (seed, program.source)


def test_the_fuzz_finds_a_false_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that calls sin convex is found out, by the samples and by the verb itself."""
    wrong = curvature.INCREASING_CONVEX | {"sin"}
    monkeypatch.setattr("chainrule.simplify.convexity.INCREASING_CONVEX", wrong)
    proof = Certification(lambda x: np.sum(np.sin(x)), (w,), {}, 0, {})
    given = proof.certificate(verify=False)
    assert given.verdict == "convex"
    assert contradiction(proof, given.verdict) is not None
    assert cr.certificate(lambda x: np.sum(np.sin(x)), w).verdict == "neither"


def test_a_hypothesis_says_how_far_it_holds() -> None:
    lam = 0.7

    def ridge(w: Any) -> Any:
        return np.mean((y - X @ w) ** 2) + lam * w @ w

    found = cr.certificate(ridge, w)
    assert (found.verdict, found.holds) == ("strongly convex", "everywhere")
    assert found.hypotheses == ("λ > 0: here 0.7",)
    assert found.modulus == pytest.approx(np.linalg.eigvalsh(cr.hessian(ridge)(w))[0])
    assert found.hessian == "∇²_w ridge = (2/N) XᵀX + 2λI"
    assert r"\lambda > 0" in found.latex
    lam = -0.7
    assert not cr.certificate(ridge, w)


def test_where_it_holds() -> None:
    assert cr.certificate(lambda x: np.sum(1 / x), np.ones(3)).holds == "where x > 0"
    assert cr.certificate(lambda x: -np.sum(1 / x), -np.ones(3)).holds == "where x < 0"
    full = cr.certificate(lambda w: np.sum((X @ w - y) ** 2), w)
    assert full.holds == "at these data"
    flat = cr.certificate(lambda w: np.sum((X[:2] @ w - y[:2]) ** 2), w)
    assert (flat.verdict, flat.holds) == ("convex", "everywhere")
    assert "declared" in str(cr.certificate(lambda x: np.sum(x**3), cr.array("n", positive=True)))


def test_a_witness_is_one() -> None:
    def saddle(x: Any) -> Any:
        return x[0] ** 2 - x[1] ** 2 + x[2] ** 4

    found = cr.certificate(saddle, w)
    assert found.verdict == "neither"
    assert found.witness is not None
    for chord, sign in ((found.witness.not_convex, 1), (found.witness.not_concave, -1)):
        assert chord is not None
        (a,), (b,) = chord.start, chord.end
        assert sign * (saddle((a + b) / 2) - (saddle(a) + saddle(b)) / 2) > 0


def test_structure() -> None:
    path = rng.normal(size=8)

    def structure(f: Any, x: Any) -> str | None:
        return cr.certificate(f, x).structure

    assert structure(lambda x: np.sum(np.exp(x)), w) == "diagonal"
    assert structure(lambda x: np.sum(x**2), w) == "a multiple of the identity"
    assert structure(lambda x: np.sum(np.exp(x)) + np.sum(x) ** 2, w) == "diagonal plus rank one"
    assert structure(lambda w: np.sum(np.logaddexp(0, X @ w)), w) == "a Gram matrix"
    assert structure(lambda x: np.sum(np.diff(x) ** 4), path) == "tridiagonal"
    assert structure(lambda U: np.sum((X - U @ X[:3]) ** 2), X[:, :3]) == "a Kronecker product"


def test_derivatives_are_of_a_function() -> None:
    """The certificate of a gradient or a Hessian is that of what it is the derivative of."""

    def loss(w: Any) -> Any:
        return np.sum(np.exp(X @ w))

    for verb in (cr.grad, cr.hessian, cr.value_and_grad):
        assert cr.certificate(verb(loss), w).verdict == "strictly convex"


def test_nothing_is_claimed() -> None:
    """Where the program branches, holds something constant or is not defined on a convex set."""

    def branches(x: Any) -> Any:
        return np.sum(x) if x[0] > 0 else np.sum(x**2)

    assert cr.certificate(branches, w).verdict == "not found"
    assert not cr.certificate(lambda x: np.sum(x * cr.stop_gradient(x)), w)
    assert not cr.certificate(lambda x: -np.sum(np.log(x**2 - 1)), w + 5)
    assert not cr.certificate(lambda x: np.sum(np.where(x > 0, x, np.nan)), np.ones(3))
    assert not cr.certificate(lambda x: np.sum(1 / (x**2 - 1)), w + 5)
    assert not cr.certificate(lambda S: np.linalg.slogdet(S)[1], rng.normal(size=(3, 3)))


def test_what_is_read_backwards_is_not_what_it_was() -> None:
    """``x[::-1] − x`` is not 0, though both have the same axes."""
    found = cr.certificate(lambda x: np.max(x[::-1] - x) ** 3, w)
    assert found.verdict not in ("linear", "concave"), str(found)
    assert cr.certificate(lambda x: np.max(x[::-1] - x), w).verdict == "convex"


def test_refusals() -> None:
    with pytest.raises(NotScalar, match="one real number"):
        cr.certificate(lambda x: x, w)
    with pytest.raises(NotDifferentiable, match="int64"):
        cr.certificate(lambda k: np.sum(k * 1.0), np.arange(3))
    with pytest.raises(ArgumentError, match="the call has 1"):
        cr.certificate(lambda x, z=1.0: np.sum(x) * z, w, wrt=1)
    with pytest.raises(WrongKeyword, match="wrt"):
        cr.certificate(lambda x: np.sum(x), w, argnums=0)
    with pytest.raises(ArgumentError, match="whole array"):
        cr.certificate(lambda x: np.sum(x), w, wrt="x[0]")
    with pytest.raises(ArgumentError, match="function of numbers"):
        cr.certificate(cr.jacobian(lambda x: x), w)


PRINT_ALL = """
import chainrule as cr
from tests.function.textbook import KNOWN
for known in KNOWN[:60:3]:
    found = cr.certificate(known.function, *known.arguments, wrt=known.wrt)
    print(found, found.latex, found.witness)
"""


def test_the_same_bytes_in_every_process() -> None:
    root = Path(__file__).parents[2]
    printed = set()
    for seed in ("0", "12345"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"}
        environment["PYTHONPATH"] = os.pathsep.join([str(root), *sys.path])
        done = subprocess.run(
            [sys.executable, "-c", PRINT_ALL], env=environment, capture_output=True, check=True
        )
        printed.add(done.stdout)
    assert len(printed) == 1


def test_hypotheses_are_in_the_order_of_the_program() -> None:
    a, b, c = (cr.array("n", positive=True) for _ in range(3))
    found = cr.certificate(lambda a, b, c: np.sum(a**3 + b**3 + c**3), a, b, c, wrt=(0, 1, 2))
    assert found.holds == "where a > 0 and b > 0 and c > 0"
    assert found.hypotheses == ("a > 0: declared", "b > 0: declared", "c > 0: declared")
