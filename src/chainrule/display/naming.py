"""How an identifier of the program is written: ``lam`` as λ, ``W1`` as W₁, ``x_hat`` as x̂."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

_GREEK = dict(
    zip(
        [
            "alpha",
            "beta",
            "gamma",
            "delta",
            "epsilon",
            "zeta",
            "eta",
            "theta",
            "iota",
            "kappa",
            "lambda",
            "mu",
            "nu",
            "xi",
            "omicron",
            "pi",
            "rho",
            "sigma",
            "tau",
            "upsilon",
            "phi",
            "chi",
            "psi",
            "omega",
        ],
        "αβγδεζηθικλμνξοπρστυφχψω",
        strict=True,
    )
)
_GREEK |= {"lam": "λ", "lamb": "λ", "lmbda": "λ", "lambd": "λ", "eps": "ε"}
_CAPITALS = {
    "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ",
    "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip
_ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "dot": "\u0307"}
_LATEX_ACCENTS = {"hat": "hat", "bar": "bar", "tilde": "tilde", "dot": "dot"}
_DIGITS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def subscript(number: int) -> str:
    """A number set low."""
    return str(number).translate(_DIGITS)


def superscript(number: int) -> str:
    """A number set high."""
    return str(number).translate(str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))


def _last_step(path: str) -> str:
    """``params['w']`` is w, and ``layers[0].W`` W1: the last key, and the positions before it."""
    steps = re.findall(r"\['([^']+)'\]|\[(\d+)\]|\.(\w+)", path)
    words = [key or name for key, _, name in steps if key or name]
    numbers = [str(int(position) + 1) for _, position, _ in steps if position]
    stem = words[-1] if words else re.split(r"[\[.]", path)[0]
    return stem + "_".join(numbers)


class Apart(str):
    """A path that is shown otherwise than by its last key, which is that of another one too."""

    __slots__ = ("shown",)
    shown: str


def told_apart(paths: Sequence[str]) -> dict[str, str]:
    """The paths into the arguments; those that would have the same name, with more of their keys.

    >>> layers = told_apart(["p['hidden']['W']", "p['out']['W']", "X"])
    >>> [unicode_name(path) for path in layers.values()]
    ['hidden_W', 'out_W', 'X']
    """
    found = {path: path for path in paths}
    for skipped in (1, 0):  # without the name of the argument, if that suffices
        counts = Counter(map(unicode_name, found.values()))
        for path, called in found.items():
            words = re.findall(r"\w+", path)[skipped:]
            if counts[unicode_name(called)] > 1 and len(words) > 1:
                longer = Apart(path)
                longer.shown = "_".join(words)
                found[path] = longer
    return found


@lru_cache(maxsize=4096)
def _parts(identifier: str) -> tuple[str, tuple[str, ...], str]:
    """The stem, the accents and the subscript of an identifier, or of a path into an argument."""
    if not identifier.isidentifier():
        identifier = _last_step(identifier)
    found = re.fullmatch(r"(.*?[^\d_])_?(\d+(?:_\d+)*)", identifier)
    stem, low = (found.group(1), found.group(2).replace("_", ",")) if found else (identifier, "")
    words = stem.strip("_").split("_") if stem.strip("_") else [stem]
    accents = []
    while len(words) > 1 and words[-1] in _ACCENTS:
        accents.append(words.pop())
    return "_".join(words), tuple(accents), low


def last_key(path: str) -> str:
    """What a leaf is called: by its last key, or by those that tell it apart."""
    words: list[str] = re.findall(r"\w+", _shown(path))
    return words[-1]


def _shown(identifier: str) -> str:
    return identifier.shown if isinstance(identifier, Apart) else identifier


#: Before the name of a variable, for its differential.
DIFFERENTIAL = "d__"


def unicode_name(identifier: str) -> str:
    """As mathematics in plain text."""
    if identifier.startswith(DIFFERENTIAL):
        inner = unicode_name(identifier[len(DIFFERENTIAL) :])
        return f"d{inner}" if len(inner.rstrip("₀₁₂₃₄₅₆₇₈₉")) == 1 else f"d {inner}"
    stem, accents, low = _parts(_shown(identifier))
    text = _GREEK.get(stem) or _CAPITALS.get(stem) or stem
    if accents and len(text) == 1:
        text += "".join(_ACCENTS[a] for a in accents)
    else:
        text = "_".join([text, *accents])
    # σ(·) is the logistic function, so a variable of that name is written out.
    if text == "σ":
        text = "sigma"
    return text + low.translate(_DIGITS)


def entry_name(identifier: str, index: Sequence[int]) -> str:
    """One element of an array, as mathematics counts: ``x[0]`` is x₁."""
    between = "," if any(i > 8 for i in index) else ""
    return unicode_name(identifier) + between.join(subscript(i + 1) for i in index)


def latex_name(identifier: str) -> str:
    """As LaTeX."""
    if identifier.startswith(DIFFERENTIAL):
        return rf"\mathrm{{d}}{latex_name(identifier[len(DIFFERENTIAL) :])}"
    stem, accents, low = _parts(_shown(identifier))
    if stem in _GREEK:
        word = {
            "lam": "lambda",
            "lamb": "lambda",
            "lmbda": "lambda",
            "lambd": "lambda",
            "eps": "varepsilon",
        }.get(stem, stem)
        text = "o" if word == "omicron" else rf"\{word}"
    elif stem in _CAPITALS:
        text = rf"\{stem}"
    elif len(stem) == 1:
        text = stem
    else:
        text = r"\mathrm{" + stem.replace("_", r"\_") + "}"
    for accent in accents:
        text = rf"\{_LATEX_ACCENTS[accent]}{{{text}}}"
    return f"{text}_{{{low}}}" if low else text


def trailing_number(identifier: str) -> str:
    """The subscript of an identifier, if it has one."""
    return _parts(identifier)[2]


class Alphabet:
    """Hands out names that nothing else has."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = set(taken)

    def take(self, wanted: str) -> str:
        """``wanted``, or with the first free number after it."""
        name, k = wanted, 0
        while name in self._taken:
            k += 1
            name = f"{wanted}{k}"
        self._taken.add(name)
        return name

    def first(self, candidates: str) -> str:
        """The first free letter of ``candidates``."""
        for letter in candidates:
            if letter not in self._taken:
                self._taken.add(letter)
                return letter
        return self.take(candidates[0])
