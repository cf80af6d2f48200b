"""The text of a traced number, which knows what it is the text of."""

from __future__ import annotations

from typing import Any


class Text(str):
    """What ``str(t)`` and ``f"{t}"`` give: ``float`` reads ``t`` in it again, unless it was rounded."""

    __slots__ = ("number",)
    number: Any

    @classmethod
    def of(cls, text: str, number: Any) -> str:
        """The text of a traced number; of an array of them, just text."""
        if number.shape:
            return text
        made = cls(text)
        made.number = number
        return made

    def __float__(self) -> float:
        """Of the text of a number as of the number: refused where that would lose the derivative."""
        known = self.read()
        return float(str.__str__(self) if known is None else known)

    def read(self) -> Any:
        """The traced number, if the text says its value to the last digit."""
        try:
            exact = complex(str.__str__(self)) == complex(self.number.recorder.peek(self.number.node))
        except ValueError:
            return None
        return self.number if exact else None


def shown(x: Any) -> Any:
    """The value to make text of: a decision, where nothing is differentiated."""
    root = getattr(x.recorder, "root", None)
    if root is None or root.differentiated:
        return x.recorder.peek(x.node)
    return x.recorder.decide_array(x)[()]
