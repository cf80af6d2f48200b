"""`chainrule tour` walks through every chapter of the notes on real rows, and tells the truth."""

import io
import re
import subprocess
import sys
from pathlib import Path

import chainrule as cr
import numpy as np
import pytest
from chainrule.cli import main
from chainrule.cli.page import Page
from chainrule.cli.tour import CHAPTERS, tour
from chainrule.cli.tour.curvature import eigenvalues, in_words
from chainrule.cli.tour.guide import Chapter, Guide, plain_source, relative_difference
from chainrule.cli.tour.tables import breast_cancer, diabetes
from sklearn.datasets import load_breast_cancer, load_diabetes

NOTES = Path(__file__).parents[2] / "docs" / "notes" / "calculus.md"


def walked(number: int) -> str:
    stream = io.StringIO()
    assert tour(Page(stream), number), stream.getvalue()
    return stream.getvalue()


@pytest.mark.parametrize("number", range(1, len(CHAPTERS) + 1))
def test_every_chapter_holds(number: int) -> None:
    text = walked(number)
    assert f"{number}. {CHAPTERS[number - 1].title}" in text
    assert "✓" in text
    assert "✗" not in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_the_chapters_are_the_headings_of_the_notes() -> None:
    lines = NOTES.read_text(encoding="utf-8").splitlines()
    headings = [
        line.lstrip("#* ").rstrip("* ") for line in lines if re.match(r"#{2,} |\*\*D", line)
    ]
    containers = {"Core Concepts", "Small Python Demos (Autograd)"}
    expected = [
        re.sub(r"^PyTorch: ", "Small Python Demos: ", heading).replace("`", "")
        for heading in headings
        if heading not in containers
    ]
    assert [chapter.title for chapter in CHAPTERS] == expected


@pytest.mark.parametrize("number", [6, 7, 10], ids=["logistic", "linear", "network"])
def test_a_fit_shows_the_whole_story(number: int) -> None:
    text = walked(number)
    for part in ("def ", "derived", "by hand", "numerical differentiation agrees", "curvature"):
        assert part in text
    assert "the loss falls at each of" in text


def test_a_wrong_derivative_is_reported_and_fails_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = cr.grad
    monkeypatch.setattr(cr, "grad", lambda f, wrt=0: lambda *a: 1.01 * right(f, wrt)(*a))
    monkeypatch.setattr(cr, "formula", lambda f: lambda *a: "formula")
    assert main(["tour", "--chapter", "2"]) == 1
    text = capsys.readouterr().out
    assert "✗ Partial Derivatives: by hand they are −2 times correlations" in text
    assert re.search(r"✗ \d of \d+ claims do not hold\.", text)


WRONG_RULE = """
import sys
import numpy as np
from chainrule.cli import main
from chainrule.ops.transcendental import sin
sin.partials = (lambda out, x: {partial},)
sys.exit(main(["tour", "--chapter", "9"]))
"""


@pytest.mark.parametrize(
    ("partial", "code"), [("np.cos(x)", 0), ("-np.cos(x)", 1), ("1.0001 * np.cos(x)", 1)]
)
def test_a_wrong_rule_of_one_function_fails_the_tour(partial: str, code: int) -> None:
    """In a process of its own: derivatives are remembered for as long as their functions live."""
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", WRONG_RULE.format(partial=partial)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert not done.stderr
    claims = "the Jacobian at x0 is the notes'", "numerical differentiation agrees on f"
    assert all(f"{'✗' if code else '✓'} {claim}" in done.stdout for claim in claims)
    assert ("claims do not hold" in done.stdout) == bool(code)


def test_a_chapter_that_breaks_off_is_a_claim_that_does_not_hold() -> None:
    def walk(guide: Guide) -> None:
        cr.grad(lambda x: x)(np.ones(2))

    stream = io.StringIO()
    guide = Guide(Page(stream))
    guide.lead(Chapter("Tips", walk))
    assert [claim.holds for claim in guide.claims] == [False]
    assert "✗ the chapter goes on to its end: " in stream.getvalue()


def test_the_verdict_counts_every_claim(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tour", "--chapter", "9"]) == 0
    text = capsys.readouterr().out
    (total,) = re.findall(r"✓ All (\d+) claims hold", text)
    assert text.count("✓") == int(total) + 1


class TestTables:
    """The shipped rows are the real ones."""

    def test_diabetes(self) -> None:
        real = load_diabetes(scaled=False)
        table = diabetes()
        np.testing.assert_array_equal(table.raw, real.data)
        assert list(table.names) == list(real.feature_names)
        np.testing.assert_allclose(np.corrcoef(table.target, real.target)[0, 1], 1, rtol=1e-12)
        np.testing.assert_allclose(table.standard.std(axis=0), 1)

    def test_breast_cancer(self) -> None:
        real = load_breast_cancer()
        table = breast_cancer()
        np.testing.assert_array_equal(table.raw, real.data[:, :10])
        np.testing.assert_array_equal(table.target, 1 - real.target)
        assert [f"mean {n.replace('_', ' ')}" for n in table.names] == list(real.feature_names[:10])


class TestCurvature:
    """Eigenvalues in words."""

    @pytest.mark.parametrize(
        ("values", "word"),
        [
            ([1, 2], "strictly convex"),
            ([0, 2], "convex"),
            ([-1e-17, 2], "convex"),
            ([-2, -1], "strictly concave"),
            ([-2, 0], "concave"),
            ([-1, 0, 1], "saddle"),
            ([0, 0], "flat"),
        ],
    )
    def test_in_words(self, values: list[float], word: str) -> None:
        assert in_words(np.array(values, float)) == word

    def test_by_all_arguments_together(self) -> None:
        """For f(a, b) = ab the Hessian by both is [[0, 1], [1, 0]]; by either alone it is 0."""
        found = eigenvalues(lambda a, b: a * b[0], (2.0, np.array([3.0])))
        np.testing.assert_allclose(found, [-1, 1])


class TestGuide:
    """What keeps the account must not be fooled."""

    @pytest.mark.parametrize(
        ("found", "expected", "difference"),
        [
            ([1.0], [1.0], 0),
            ([1.0], [2.0], 0.5),
            ([np.nan], [1.0], np.inf),
            ([1.0], [1.0, 1.0], np.inf),
            ([[1.0]], [1.0], np.inf),
        ],
    )
    def test_relative_difference(self, found: object, expected: object, difference: float) -> None:
        assert relative_difference([found], [expected]) == difference

    def test_a_claim_is_remembered_under_its_chapter(self) -> None:
        guide = Guide(Page(io.StringIO()))
        guide.lead(Chapter("Tips", lambda guide: guide.agree("two numbers", 1.0, 1.5)))
        (claim,) = guide.claims
        assert (claim.chapter, claim.holds) == ("Tips", False)

    def test_source_without_annotations(self) -> None:
        def f(x: float, n: int = 2) -> float:
            return x**n

        assert plain_source(f) == "def f(x, n):\n    return x**n"

    def test_a_failing_report_is_printed(self) -> None:
        stream = io.StringIO()
        Guide(Page(stream)).confirm("right", cr.check(np.sum, np.ones(2), against=lambda x: -x / x))
        assert "✗ right" in stream.getvalue()
        assert len(stream.getvalue().splitlines()) > 2

    def test_chapters_are_plain_data(self) -> None:
        assert all(isinstance(chapter, Chapter) for chapter in CHAPTERS)
