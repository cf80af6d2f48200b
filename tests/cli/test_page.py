"""A page is plain text of 80 columns on a pipe, and styled on a terminal."""

import io
import re

import pytest
from chainrule.cli.page import Page, number

ESCAPE = "\x1b"
LONG = "∇_w loss = " + " + ".join(f"(2/N) X{k}ᵀ(X{k}w + b − y)" for k in range(12))


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def everything(stream: io.StringIO) -> str:
    page = Page(stream)
    page.title("A title")
    page.heading("A heading")
    page.say("""Some words,
        on two lines of source, and so many that they have to be broken into two lines here.""")
    page.source("def f(x):\n    return x[0] ** 2")
    page.formula(LONG)
    page.entries([("derived", LONG), ("by hand", "[bold] is not markup, :smile: no picture")])
    page.table(("words ", "figures"), [("one", "1"), ("ten", "10")])
    page.verdict(True, "it holds")
    page.verdict(False, "it does not")
    page.block("a line that is copied and so never broken: " + "0123456789" * 10)
    return stream.getvalue()


@pytest.fixture(autouse=True)
def _ordinary_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def test_a_pipe_gets_plain_text() -> None:
    text = everything(io.StringIO())
    assert ESCAPE not in text
    lines = text.splitlines()
    assert all(line == line.rstrip() for line in lines)
    assert all(len(line) <= 80 for line in lines if "copied" not in line)


def test_a_terminal_gets_styles() -> None:
    text = everything(Terminal())
    assert ESCAPE in text
    bare = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert all(len(line.rstrip()) <= 80 for line in bare.splitlines() if "copied" not in line)


def test_the_words_are_the_same() -> None:
    bare = re.sub(r"\x1b\[[0-9;]*m", "", everything(Terminal()))
    words = [line.split() for line in bare.splitlines()]
    plain = [line.split() for line in everything(io.StringIO()).splitlines()]
    rules = re.compile(r"[=\-─━]+")
    assert [w for line in words for w in line if not rules.fullmatch(w)] == [
        w for line in plain for w in line if not rules.fullmatch(w)
    ]


def test_brackets_and_colons_are_not_markup() -> None:
    assert "[bold] is not markup, :smile:" in everything(io.StringIO())


def test_what_is_to_be_copied_is_not_broken() -> None:
    assert "0123456789" * 10 in everything(io.StringIO())


def test_a_stream_of_another_encoding_is_made_to_take_formulas() -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding="ascii")
    Page(stream).formula("∇f = Xᵀr")
    stream.flush()
    assert "∇f = Xᵀr" in buffer.getvalue().decode("utf-8")


def test_numbers_are_short() -> None:
    assert number(0.25) == "0.25"
    assert number(29074.4812) == "2.907e+04"
    assert number(3.14159e-13, 1) == "3e-13"
