"""Laws of the rule sheets: what each rule preserves, and that it ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.calculus.pushforward import pushforward
from chainrule.ir.graph import Graph, substitute, toposort
from chainrule.ir.node import INPUT, Node, constant
from chainrule.ops.program import Program
from chainrule.simplify import rules as sheets
from chainrule.simplify.cost import cost
from chainrule.simplify.engine import Rules, Simplifier
from chainrule.simplify.folding import FOLDING
from chainrule.simplify.pattern import Rule
from chainrule.simplify.sheet import page

SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-300, -1e300]
ROOT = Path(__file__).parents[2]


def draws(rule: Rule, special: bool) -> Iterator[dict[str, float]]:
    """Values for the variables of a rule."""
    rng = np.random.default_rng(7)
    for k in range(30):
        values: dict[str, float] = {}
        for name in rule.variables:
            kind = rule.sample(name)
            x = float(rng.normal() * 10.0 ** rng.integers(-3, 3))
            if kind == "literal":
                x = float(np.round(x, 3)) or 0.5
            elif kind == "positive":
                x = abs(x)
            elif kind == "unit":
                x = float(rng.uniform(0.01, 0.99))
            elif kind == "away":
                x = x or 1.0
            elif kind == "truth":
                x = float(rng.integers(0, 2))
            elif special and k % 3:
                x = SPECIAL[int(rng.integers(len(SPECIAL)))]
            values[name] = x
        yield values


def sides(rule: Rule, values: dict[str, float]) -> tuple[Node, Node]:
    """Both sides, with literals in place of the variables that stand for them."""
    env = {
        v: constant(np.float64(values[name]))
        for name, v in rule.variables.items()
        if rule.sample(name) == "literal"
    }
    left, right = substitute([rule.left, rule.right], env)
    return left, right


def value(n: Node, rule: Rule, values: dict[str, float]) -> Any:
    variables = [v for v in rule.variables.values() if v in toposort([n])]
    names = {v: name for name, v in rule.variables.items()}
    (out,) = Program(Graph(tuple(variables), (n,)))(
        [np.float64(values[names[v]]) for v in variables]
    )
    return out


def derivatives(n: Node, rule: Rule) -> list[Node]:
    """First and second partial derivatives, zeros included."""
    variables = [v for k, v in rule.variables.items() if rule.sample(k) not in ("literal", "truth")]
    one, zero = constant(1.0, weak=False), constant(0.0, weak=False)
    found = []
    for v in variables:
        (first,) = pushforward([n], [v], [one])
        found.append(zero if first is None else first)
        for u in variables:
            second = None if first is None else pushforward([first], [u], [one])[0]
            found.append(zero if second is None else second)
    return found


@pytest.mark.parametrize("rule", sheets.EXACT, ids=lambda r: r.name)
def test_an_exact_rule_keeps_the_bits(rule: Rule) -> None:
    for values in draws(rule, special=True):
        left, right = (value(s, rule, values) for s in sides(rule, values))
        assert np.isnan(left) == np.isnan(right), values
        assert np.isnan(left) or left.tobytes() == right.tobytes(), values


@pytest.mark.parametrize("rule", sheets.STABLE, ids=lambda r: r.name)
def test_a_stable_rule_keeps_the_value(rule: Rule) -> None:
    """Where the left side is a finite number the right side is that number, and never NaN alone."""
    for values in draws(rule, special=True):
        left, right = (value(s, rule, values) for s in sides(rule, values))
        if np.isfinite(left):
            np.testing.assert_allclose(right, left, rtol=1e-9, atol=1e-12, err_msg=str(values))
        else:
            assert np.isnan(left) or not np.isnan(right), values


@pytest.mark.parametrize("rule", [*sheets.EXACT, *sheets.STABLE], ids=lambda r: r.name)
def test_a_rule_keeps_the_first_and_second_derivatives(rule: Rule) -> None:
    for values in draws(rule, special=False):
        left, right = sides(rule, values)
        for a, b in zip(derivatives(left, rule), derivatives(right, rule), strict=True):
            expected, found = value(a, rule, values), value(b, rule, values)
            if np.isfinite(expected):
                np.testing.assert_allclose(
                    found, expected, rtol=1e-7, atol=1e-9, err_msg=str(values)
                )


@pytest.mark.parametrize("rule", [*sheets.EXACT, *sheets.STABLE], ids=lambda r: r.name)
def test_a_rule_lowers_the_cost(rule: Rule) -> None:
    """However costly what the variables stand for: no variable is written more often."""
    left, right = sides(rule, next(draws(rule, special=False)))
    (right,) = Rules(FOLDING)([right])
    assert cost(right) < cost(left)
    for v in rule.variables.values():
        assert leaves(right, v) <= leaves(left, v)


def leaves(n: Node, leaf: Node) -> int:
    """How often ``leaf`` is written in ``n`` as a tree."""
    count: dict[Node, int] = {}
    for m in toposort([n]):
        count[m] = int(m is leaf) + sum(count[a] for a in m.args)
    return count[n]


# -- the algorithms, met at work -------------------------------------------------------------------

A = np.random.default_rng(3).normal(size=(4, 3))
V = np.random.default_rng(4).normal(size=3)


def _softmax(X: np.ndarray) -> np.ndarray:
    e = np.exp(X - np.max(X, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


def _lse(x: np.ndarray) -> np.ndarray:
    m = np.max(x)
    return m + np.log(np.sum(np.exp(x - m)))


PROGRAMS = {
    "logistic": lambda w: np.sum(np.log1p(np.exp(-(A @ w)))),
    "least squares": lambda w: np.mean((A @ w - 1.0) ** 2),
    "factorisation": lambda U: np.sum((A - U.reshape(4, 1) @ V.reshape(1, 3)) ** 2),
    "log-sum-exp": lambda x: np.log(np.sum(np.exp(x))) + _lse(x),
    "log-mean-exp": lambda x: np.log(np.mean(np.exp(x))),
    "softmax": lambda x: np.sum(_softmax(x.reshape(1, -1) * np.ones((2, 1))) ** 2),
    "log softmax": lambda x: np.sum(x[:1] * (x - np.log(np.sum(np.exp(x))))),
    "log of softmax": lambda x: np.sum(np.log(np.exp(x) / np.sum(np.exp(x))) * V[: len(x)].sum()),
    "elementwise": lambda x: np.sum(np.sin(x) * np.exp(-(x**2))),
    "entries": lambda x: x[0] ** 2 * x[1] + np.sin(x[1:])[0] * x[-1],
    "pieces": lambda x: np.sum(np.concatenate([x[:2] * x[0], np.stack([x[2], x[1]])])[1:] ** 3),
    "joined and read": lambda x: np.concatenate([x, 2 * x])[3] * np.stack([x[0], x[2]])[1] ** 2,
    "joined alone": lambda x: np.sum(np.concatenate([x**2])[::-1][::2] ** 2),
    "variance": lambda x: np.mean((x - np.mean(x)) ** 2),
    "outer": lambda x: np.sum(np.outer(x, x**2) * np.eye(len(x)) + x[:, None] * 2.0),
    "quadratic form": lambda x: x @ A[: len(x), : len(x)].T @ x if len(x) == 3 else x @ x,
    "trace": lambda x: np.einsum("ii->", np.outer(x, np.sin(x))),
    "transposes": lambda x: np.sum((np.outer(x, np.exp(x)).T + x[None, :]).T ** 2),
    "other precisions": lambda x: np.sum(x.astype(np.float32).astype(np.float64) ** 3),
    "axes of length one": lambda x: np.sum((x[:, None, None] * x[None, :, None])[:, :, 0] * 2.0),
    "squares of lengths": lambda x: np.linalg.norm(x) ** 2 + np.linalg.norm(np.outer(x, x)) ** 2,
    "squares of sizes": lambda x: np.sum(np.abs(np.exp(1j * x) + x) ** 2 + np.hypot(x, 2.0) ** 4),
    "powers of lengths": lambda x: np.linalg.norm(x + 1j) ** 2 + np.linalg.norm(np.outer(x, x)) ** 6,
    "a length by itself": lambda x: np.sum(np.square(np.linalg.norm(np.outer(x, x), axis=0)) * x),
    "everything placed": lambda x: np.sum(x[0:3] ** 2 * x),
}  # fmt: skip


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Node, Node]]:
    """Every single rewrite made."""
    made: list[tuple[Node, Node]] = []
    goal = Simplifier._goal

    def watched(self: Simplifier, n: Node) -> Node:
        found = goal(self, n)
        if found is not n:
            made.append((n, found))
        return found

    monkeypatch.setattr(Simplifier, "_goal", watched)
    return made


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_rewrite_keeps_type_and_value_and_lowers_the_cost(
    name: str, steps: list[tuple[Node, Node]]
) -> None:
    x = np.random.default_rng(5).normal(size=4 if name == "factorisation" else 3)
    f = PROGRAMS[name]
    cr.grad(f)(x), cr.hessian(f)(x), cr.hvp(f)(x, x)
    cr.hessian(f)(x.astype(np.float32))
    assert steps
    for before, after in steps:
        assert after.type == before.type
        assert cost(after) < cost(before), (before, after)
        inputs = [n for n in toposort([before, after]) if n.op is INPUT]
        rng = np.random.default_rng(6)
        arrays = [rng.normal(size=n.type.shape).astype(n.type.dtype) for n in inputs]
        left, right = Program(Graph(tuple(inputs), (before, after)))(arrays)
        tolerance = 1e-4 if before.type.dtype == np.float32 else 1e-9
        np.testing.assert_allclose(right, left, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_normal_form_is_left_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rewriting what was rewritten changes nothing."""
    results: list[list[Node]] = []
    call = Simplifier.__call__

    def watched(self: Simplifier, outputs: list[Node]) -> list[Node]:
        results.append(call(self, outputs))
        return results[-1]

    monkeypatch.setattr(Simplifier, "__call__", watched)
    x = np.random.default_rng(9).normal(size=4 if name == "factorisation" else 3)
    cr.hessian(lambda x: 1.5 * PROGRAMS[name](x))(x)
    derived = results[-1]
    assert sheets.RULES(derived) == derived


def test_the_page_of_rules_is_up_to_date() -> None:
    assert (ROOT / "docs" / "rules.md").read_text() == page()
