"""``certificate``: what the structure of a function proves about its curvature."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..display import latex as latex_notation
from ..display import unicode as unicode_notation
from ..display.compose import Composer
from ..display.naming import latex_name, unicode_name
from ..errors import ArgumentError
from ..ir.node import Node
from ..simplify.bounds import NONE, Hypotheses, Hypothesis
from .arguments import Wrt, refuse_foreign
from .curvature import Structure, structure_of
from .derivatives import (
    Derivative,
    Gradient,
    Hessian,
    HessianVectorProduct,
    ValueAndGradient,
)
from .proof import MARGIN, Proof
from .symbols import SizeNames
from .witness import Witness


@dataclass(frozen=True)
class Certificate:
    """What was proved of a function's curvature. True if anything was.

    ``verdict`` is ``"linear"``, or ``"convex"`` or ``"concave"``, with ``"strictly"`` or
    ``"strongly"`` before it where that was proved; ``"neither"`` if chords show that it is neither,
    and ``"not found"`` otherwise. ``hypotheses`` say what the proof takes for granted, and how far
    it holds in the example; ``holds`` says where the verdict does: ``"everywhere"``, ``"at these
    data"``, or on which domain. ``modulus`` is that of strong convexity, ``witness`` holds chords on
    the wrong side; ``hessian`` is the formula of the Hessian and ``structure`` what its form is
    called, both ``None`` where there is no such formula.
    """

    function: str
    variables: tuple[str, ...]
    verdict: str
    holds: str
    hypotheses: tuple[str, ...] = ()
    modulus: float | None = None
    witness: Witness | None = None
    latex: str = ""
    _structure: Callable[[], Structure | None] = field(
        default=lambda: None, repr=False, compare=False
    )

    @cached_property
    def _shown(self) -> Structure | None:
        return self._structure()

    @property
    def hessian(self) -> str | None:
        """The Hessian's formula; verified, as every formula is."""
        return None if self._shown is None else self._shown.statement

    @property
    def structure(self) -> str | None:
        """What the form of the Hessian is called: ``"diagonal plus rank one"``."""
        return None if self._shown is None else self._shown.words

    @property
    def convex(self) -> bool:
        """Whether it was proved convex; a linear function is."""
        return self.verdict.endswith("convex") or self.verdict == "linear"

    @property
    def concave(self) -> bool:
        """Whether it was proved concave; a linear function is."""
        return self.verdict.endswith("concave") or self.verdict == "linear"

    def __bool__(self) -> bool:
        return self.convex or self.concave

    @property
    def text(self) -> str:
        """The certificate in a few lines."""
        by = ", ".join(self.variables)
        of = f"{self.function} is "
        if self.verdict == "neither":
            lines = [f"{of}neither convex nor concave in {by}: see its witness"]
        elif not self:
            lines = [f"{of}not known to be convex or concave in {by}"]
            if self.witness and self.witness.not_convex:
                lines[0] += "; a chord shows that it is not convex"
            elif self.witness and self.witness.not_concave:
                lines[0] += "; a chord shows that it is not concave"
        else:
            lines = [f"{of}{self.verdict} in {by}, {self.holds}"]
        if self and self.verdict != "linear" and self.hessian:
            lines.append(f"  {self.hessian}" + (f"  ({self.structure})" if self.structure else ""))
        if self.modulus is not None:
            lines.append(f"  with modulus {self.modulus:.4g}")
        lines += [f"  if {hypothesis}" for hypothesis in self.hypotheses]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text


def certificate(
    f: Callable[..., Any], *args: Any, wrt: Wrt | None = None, **keywords: Any
) -> Certificate:
    """What the structure of ``f`` proves about its curvature in the arguments ``wrt``.

    ``args`` are example arguments, or :func:`array` in place of any. A proof is by rules on the
    function's graph, never by samples: those of disciplined convex programming, and the Hessian's
    form (``Xᵀ diag(w) X`` with ``w ≥ 0``). It is checked against samples before it is given.

    Parameters
    ----------
    f
        A function with one real number as its value, or a derivative of one.
    wrt
        The arguments in which it may be convex: position, name, path into one, or a tuple of these.
        By default the first one, or those that a derivative is by.

    Raises
    ------
    NotScalar, NotDifferentiable, UnknownArgument
        When there is no such function of numbers.

    >>> import numpy as np
    >>> import chainrule as cr
    >>> lam, X = 0.7, np.array([[1.0, 2.0], [0.5, 1.0], [0.0, 3.0]])
    >>> def loss(w):
    ...     return np.mean(np.logaddexp(0, X @ w)) + lam * w @ w
    >>> print(certificate(loss, np.zeros(2)))
    loss is strongly convex in w, everywhere
      ∇²_w loss = (1/N) Xᵀ diag(s ⊙ (1 − s)) X + 2λI where s = σ(Xw)
      if λ > 0: here 0.7
    """
    known = {k: v for k, v in keywords.items() if k in ("argnums", "argnum", "argnames")}
    refuse_foreign("certificate", known)
    while isinstance(f, Hessian | Gradient | ValueAndGradient | HessianVectorProduct):
        args, _ = f.split(args, keywords) if len(args) > 1 else (args, ())
        wrt = f.wrt if wrt is None else wrt
        f = f.function
    if isinstance(f, Derivative):
        raise ArgumentError(
            f"certificate takes a function of numbers or its gradient or Hessian, not {f!r}. "
            "Give it the function that this is the derivative of."
        )
    caller = sys._getframe(1)  # noqa: SLF001 - what the caller calls its arrays
    scope = {**caller.f_globals, **caller.f_locals}
    return Certification(f, args, keywords, 0 if wrt is None else wrt, scope).certificate()


class Certification(Proof):
    """A proof, and how it is said."""

    def certificate(self, *, verify: bool = True) -> Certificate:
        """Everything, in words."""
        verdict, proof, curved, how = self.prove()
        extra: Hypotheses = NONE
        modulus = None
        if verdict and how == "rules":
            word, extra, modulus = self.sharpened(verdict, curved)
            verdict = f"{word} {verdict}".strip()
        elif how == "quadratic":
            low, high = self.spectrum()
            least = low if verdict == "convex" else -high
            if least > MARGIN * max(abs(low), abs(high)):
                verdict, modulus = f"strongly {verdict}", least
        used = proof | extra
        if any(h.kind == "spectrum" for h in extra):  # which says it all
            used = extra | {h for h in proof if h.kind != "data"}
        if verdict:
            used |= {h for h in self.domain.hypotheses if h.kind != "data"}
        witness = Witness()
        if verify and not self._branches():
            witness = self.search(8 if verdict else 24)
        wrong = ((verdict.endswith("convex") or verdict == "linear") and witness.not_convex) or (
            (verdict.endswith("concave") or verdict == "linear") and witness.not_concave
        )
        if wrong:  # a proof that samples contradict is none
            verdict, used, modulus, how = "", NONE, None, ""
        if not verdict:
            verdict = "neither" if witness.not_convex and witness.not_concave else "not found"
        size = self.size()
        hypotheses = tuple(dict.fromkeys(self._words(h) for h in _ordered(used, self._plain)))
        return Certificate(
            self.name,
            tuple(unicode_name(n) for n in self.names),
            verdict,
            self._where(verdict, used),
            hypotheses,
            modulus,
            witness if witness and verdict in ("neither", "not found") else None,
            self._latex(verdict, used),
            lambda: structure_of(self.f, self.args, self.keywords, self.wrt, size),
        )

    def _where(self, verdict: str, used: Hypotheses) -> str:
        if verdict in ("neither", "not found"):
            return ""
        regions = [
            self._plain(h)
            for h in _ordered(used, self._plain)
            if h.kind == "domain" or (h.kind == "declared" and self.signs.varies(h.subject))
        ]
        at_data = any(
            h.kind in ("rank", "spectrum") or (h.kind == "data" and h.subject.type.shape)
            for h in used
        )
        words = ["at these data"] if at_data else []
        if regions:
            words.append("where " + " and ".join(dict.fromkeys(regions)))
        return ", ".join(words) or "everywhere"

    def _name(self, n: Node, *, latex: bool = False) -> str:
        """A normal form as text."""
        d = self.derivation
        symbols = {
            self.translate.normal[m]: s for m, s in d.symbols.items() if m in self.translate.normal
        }
        composed = Composer(self.translate.algebra.order, symbols, {}, set(d.symbols.values()))([n])
        sizes = SizeNames({}, set(d.symbols.values()))
        if latex:
            return latex_notation.write(composed, sizes)
        return unicode_notation.write(composed, sizes)

    def _plain(self, h: Hypothesis, *, latex: bool = False) -> str:
        if h.kind == "spectrum":
            return rf"\text{{{h.relation}}}" if latex else h.relation
        if h.relation in ("injective", "jointly injective"):
            if h.relation == "jointly injective":
                text = "the affine maps inside are jointly injective"
                return rf"\text{{{text}}}" if latex else text
            name = self._name(h.subject, latex=latex)
            if latex:
                by = ", ".join(latex_name(n) for n in self.names)
                return rf"{by} \mapsto {name} \text{{ is injective}}"
            return f"{', '.join(unicode_name(n) for n in self.names)} ↦ {name} is injective"
        relation = _RELATIONS.get(h.relation, h.relation) if latex else h.relation
        if h.relation == "symmetric":
            return f"{self._name(h.subject, latex=latex)} " + (
                r"\text{ symmetric}" if latex else "is symmetric"
            )
        return f"{self._name(h.subject, latex=latex)} {relation}"

    def _words(self, h: Hypothesis) -> str:
        text = self._plain(h)
        if h.kind == "declared":
            return f"{text}: declared"
        if h.here is None:
            return f"{text}: here it is" if h.kind == "data" else text
        measure = ""
        if h.relation in ("≻ 0", "⪰ 0", "≺ 0", "⪯ 0"):
            measure = "least eigenvalue " if h.relation in ("≻ 0", "⪰ 0") else "largest eigenvalue "
        elif h.kind == "rank":
            measure = "least singular value "
        elif h.subject.type.shape and h.kind != "spectrum":
            measure = "least " if h.relation.startswith((">", "≥")) else "largest "
        return f"{text}: here {measure}{h.here:.4g}"

    def _latex(self, verdict: str, used: Hypotheses) -> str:
        by = ", ".join(latex_name(n) for n in self.names)
        what = {"neither": "neither convex nor concave", "not found": "not classified"}
        text = rf"{latex_name(self.name)} \text{{ is {what.get(verdict, verdict)} in }} {by}"
        parts = [self._plain(h, latex=True) for h in _ordered(used, self._plain)]
        return text + (r" \text{ if } " + r",\; ".join(dict.fromkeys(parts)) if parts else "")


_RELATIONS = {
    "≥ 0": r"\geq 0",
    "≤ 0": r"\leq 0",
    "≻ 0": r"\succ 0",
    "⪰ 0": r"\succeq 0",
    "≺ 0": r"\prec 0",
    "⪯ 0": r"\preceq 0",
    "≥ 1": r"\geq 1",
    "in [0, 1]": r"\in [0, 1]",
}
_KINDS = ("domain", "declared", "data", "rank", "spectrum")


def _ordered(used: Hypotheses, words: Callable[[Hypothesis], str]) -> list[Hypothesis]:
    """In an order that does not depend on hashes."""
    return sorted(used, key=lambda h: (_KINDS.index(h.kind), h.relation, repr(h.here), words(h)))
