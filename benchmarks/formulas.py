"""Formulas of the twenty cases: how long they take, and how they read beside SymPy's.

    python benchmarks/formulas.py             # milliseconds to derive, verify and print each
    python benchmarks/formulas.py --sympy     # a table beside SymPy, losses included

*First* is the first formula of that function in a process that has imported chainrule and made
another formula; *again* the least of later ones. ``--markdown`` prints ``docs/formula-table.md``.

For SymPy each function is written in its own words, with matrix symbols where it has them, and
its answer is evaluated at numbers: *right*, *wrong*, or what it raised. The notation of
matrixcalculus.org (S. Laue, M. Mitterreiter, J. Giesen, NeurIPS 2018) is what one types there; its
server was not asked.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import scipy.special  # loaded by what first needs it: no part of a formula's time

sys.path.insert(0, str(Path(__file__).parents[1]))

import chainrule as cr
from tests.formulas import data
from tests.formulas.cases import CASES, Case

#: What one types at matrixcalculus.org, by case; a function that its grammar lacks is named.
TYPED = {
    "P01": "1/N*norm2(X*w + b*vector(1) - y)^2", "P02": "1/N*norm2(X*w + b*vector(1) - y)^2",
    "P03": "1/N*norm2(X*w + b*vector(1) - y)^2", "P04": "1/N*norm2(X*w - y)^2 + lambda*w'*w",
    "P05": "norm2(M*x - z)^2", "P06": "x'*A*x", "P07": "x'*A*x",
    "P08": "sum(log(exp(X*w) + vector(1)) - t.*(X*w))",
    "P09": "sum(log(exp(X*w) + vector(1)) - t.*(X*w))",
    "P10": "log(sum(exp(x)))", "P11": "log(sum(exp(x)))", "P12": "log(det(S))",
    "P13": "tr(S'*A*S)", "P14": "norm2(U*V' - T)^2", "P15": "(scalars and vectors of layers)",
    "P16": "(scalars and vectors of layers)", "P17": "norm2(x)", "P18": "(no entries)",
    "P19": "exp(sin(x))", "P20": "-1/2*(c - mu)'*inv(S)*(c - mu) - 1/2*log(det(S))",
}  # fmt: skip


def derivative(case: Case) -> Any:
    """The derivative that a case is about."""
    return getattr(cr, case.kind)(case.function, wrt=case.wrt)


def formula(case: Case) -> Any:
    """Its formula."""
    return cr.formula(derivative(case))(*case.arguments)


def times(rounds: int) -> list[tuple[str, float, float]]:
    """For each case the first time and the least of ``rounds`` later ones, in milliseconds."""
    cr.formula(cr.grad(lambda x: np.sum(np.cos(x) ** 2)))(np.ones(3))
    assert scipy.special is not None
    found = []
    for case in CASES:
        taken = []
        for _ in range(rounds + 1):
            start = perf_counter()
            formula(case)
            taken.append(1e3 * (perf_counter() - start))
        found.append((case.name, taken[0], min(taken[1:])))
    return found


# -- SymPy -----------------------------------------------------------------------------------------


def _programs() -> dict[str, Callable[[], Any]]:
    """The cases in SymPy's words; each gives an expression and the values of its symbols."""
    import sympy as sp

    names = ("X", "y", "A", "M", "z", "t", "Tgt", "U", "V", "S", "c", "w", "x", "mu")
    arrays = {k: np.asarray(getattr(data, k)) for k in names}
    symbols = {}
    for k, v in arrays.items():
        rows, columns = v.shape if v.ndim == 2 else (v.shape[0], 1)
        symbols[k] = sp.MatrixSymbol(k, rows, columns)
    X, y, A, M, z, t, T, U, V, S, c, w, x, mu = (symbols[k] for k in names)
    b, lam, N = sp.Symbol("b"), sp.Symbol("lam"), data.N
    ones = sp.OneMatrix(N, 1)
    r = X * w + b * ones - y
    squares = r.T * r / N
    plain = X * w - y
    logistic = ones.T * ((X * w).applyfunc(lambda u: sp.log(1 + sp.exp(u)))) - t.T * X * w
    log_sum = sp.log(sp.Trace(sp.OneMatrix(data.n, 1).T * x.applyfunc(sp.exp)))
    e = c - mu
    entries = sp.symbols("x1:4")
    f = sp.Matrix([entries[0] ** 2 + 2 * entries[1] - entries[2], sp.sin(entries[0]) + entries[1] * entries[2]])

    def gave(expression: Any) -> tuple[Any, Any]:
        scalars = {b: float(data.b), lam: data.lam, **dict(zip(entries, data.x3, strict=True))}
        return expression, (symbols, arrays, scalars)

    return {
        "P01": lambda: gave(squares.diff(w)),
        "P02": lambda: gave(squares.diff(b)),
        "P03": lambda: gave(squares.diff(w).diff(w)),
        "P04": lambda: gave((plain.T * plain / N + lam * w.T * w).diff(w)),
        "P05": lambda: gave(((M * x - z).T * (M * x - z)).diff(x)),
        "P06": lambda: gave((x.T * A * x).diff(x)),
        "P07": lambda: gave((x.T * A * x).diff(x).diff(x)),
        "P08": lambda: gave(logistic.diff(w)),
        "P09": lambda: gave(logistic.diff(w).diff(w)),
        "P10": lambda: gave(log_sum.diff(x)),
        "P11": lambda: gave(log_sum.diff(x).diff(x)),
        "P12": lambda: gave(sp.log(sp.Determinant(S)).diff(S)),
        "P13": lambda: gave(sp.Trace(S.T * A * S).diff(S)),
        "P14": lambda: gave(sp.Trace((U * V.T - T).T * (U * V.T - T)).diff(U)),
        "P15": lambda: _layers(sp, "W1"),
        "P16": lambda: _layers(sp, "W2"),
        "P17": lambda: gave(sp.sqrt(sp.Trace(x.T * x)).diff(x)),
        "P18": lambda: gave(f.jacobian(entries)),
        "P19": lambda: gave(x.applyfunc(lambda u: sp.exp(sp.sin(u))).diff(x)),
        "P20": lambda: gave((-(e.T * S.I * e) / 2).diff(mu)),
    }


def _layers(sp: Any, by: str) -> tuple[Any, Any]:
    """Two layers; the biases are added as matrices of equal rows."""
    arrays = {k: np.asarray(getattr(data, k)) for k in ("X", "W1", "W2", "Yh")}
    arrays["B1"] = np.tile(data.b1, (data.N, 1))
    arrays["B2"] = np.tile(data.b2, (data.N, 1))
    symbols = {k: sp.MatrixSymbol(k, *v.shape) for k, v in arrays.items()}
    H = (symbols["X"] * symbols["W1"] + symbols["B1"]).applyfunc(sp.tanh)
    E = H * symbols["W2"] + symbols["B2"] - symbols["Yh"]
    return (sp.Trace(E.T * E) / 2).diff(symbols[by]), (symbols, arrays, {})


def _value(expression: Any, given: Any) -> np.ndarray:
    """SymPy's answer at the numbers of the case."""
    import sympy as sp

    symbols, arrays, scalars = given
    values = {
        symbols[k]: sp.Matrix(v if v.ndim == 2 else v.reshape(-1, 1)) for k, v in arrays.items()
    }
    result = expression.subs(scalars).subs(values).doit()
    result = result.as_explicit() if hasattr(result, "as_explicit") else result
    return np.array(sp.N(result).tolist() if hasattr(result, "tolist") else sp.N(result), float)


def beside() -> list[tuple[str, str, str, str, str]]:
    """Case, our formula, SymPy's, its verdict, and what is typed at matrixcalculus.org."""
    programs = _programs()
    rows = []
    for case in CASES:
        expected = np.asarray(derivative(case)(*case.arguments))
        text = verdict = ""
        try:
            expression, given = programs[case.name]()
            text = str(expression)
            try:
                found = _value(expression, given)
                right = found.size == expected.size and np.allclose(
                    found.ravel(), expected.ravel(), rtol=1e-8, atol=1e-10
                )
                verdict = "right" if right else "wrong"
                if not right and found.size == expected.size and np.ndim(expected) == 2:
                    turned = found.reshape(expected.shape[::-1]).T
                    verdict = "right, transposed" if np.allclose(turned, expected) else "wrong"
            except Exception as error:
                verdict = f"no value: {type(error).__name__}"
        except Exception as error:
            verdict = f"raises {type(error).__name__}"
        short = text if len(text) <= 90 else text[:87] + "…"
        rows.append((case.name, formula(case).text, short, verdict, TYPED[case.name]))
    return rows


OPENING = """# Beside SymPy and matrixcalculus.org

Written by `python benchmarks/formulas.py --sympy --markdown`, with SymPy {version}. SymPy was given
each function in its own words, and its answer was evaluated at numbers. The last column is what one
types at matrixcalculus.org, which reads its own grammar on its own server and was not asked: it has
no plain NumPy, no names for intermediates, and neither entries of vectors nor loops.

Where the others do better: SymPy's matrices have symbolic sizes and its results can be computed with
further; its scalar mathematics (integrals, limits, assumptions) goes far beyond this project.
matrixcalculus.org needs no installation and prints code for four languages.
"""


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sympy", action="store_true", help="the table beside SymPy")
    parser.add_argument("--markdown", action="store_true", help="as a page of the documentation")
    parser.add_argument("--rounds", type=int, default=5)
    typed = parser.parse_args()
    if not typed.sympy:
        found = times(typed.rounds)
        print(f"{'case':6}{'first ms':>10}{'again ms':>10}")
        for name, first, again in found:
            print(f"{name:6}{first:10.1f}{again:10.1f}")
        print(f"{'most':6}{max(f for _, f, _ in found):10.1f}{max(a for _, _, a in found):10.1f}")
        return
    rows = beside()
    if typed.markdown:
        import sympy

        print(OPENING.format(version=sympy.__version__))
        print("| | chainrule | SymPy | SymPy is | typed at matrixcalculus.org |\n|---|---|---|---|---|")
        for name, ours, theirs, verdict, there in rows:
            cells = (f"`{cell.replace('|', chr(92) + '|')}`" if cell else "" for cell in (ours, theirs))
            print(f"| {name} | {' | '.join(cells)} | {verdict} | `{there}` |")
    else:
        for name, ours, theirs, verdict, there in rows:
            print(f"{name}  {ours}\n     SymPy: {theirs or '—'}  [{verdict}]\n     typed: {there}")
    right = sum(verdict.startswith("right") for *_, verdict, _ in rows)
    print(f"\nSymPy: {right} of {len(rows)} right.")


if __name__ == "__main__":
    main()
