"""``chainrule tour``: the calculus of the course notes, chapter by chapter, on real data.

Every statement that a chapter makes is checked as it is printed; the last line counts them.
"""

from chainrule.cli.page import Page
from chainrule.cli.tour import (
    backprop,
    definition,
    demos,
    gradient_vector,
    hessian,
    jacobian,
    ml_relevance,
    partial_derivatives,
    tips,
    worked_math,
)
from chainrule.cli.tour.guide import Chapter, Guide

__all__ = ["CHAPTERS", "tour"]

CHAPTERS: tuple[Chapter, ...] = (
    definition.CHAPTER,
    partial_derivatives.CHAPTER,
    gradient_vector.CHAPTER,
    jacobian.CHAPTER,
    hessian.CHAPTER,
    ml_relevance.CHAPTER,
    worked_math.CHAPTER,
    demos.GRADIENT_OF_MSE,
    demos.JACOBIAN_AND_HESSIAN,
    backprop.CHAPTER,
    tips.CHAPTER,
)


def tour(page: Page, only: int | None = None) -> bool:
    """Walk through all chapters, or one by its number; return whether every claim held."""
    guide = Guide(page)
    page.title("A tour of the calculus, on real data")
    for number, chapter in enumerate(CHAPTERS, 1):
        if only in (None, number):
            page.heading(f"{number}. {chapter.title}")
            guide.lead(chapter)
    page.heading("Verdict")
    failed = [claim for claim in guide.claims if not claim.holds]
    for claim in failed:
        page.verdict(False, f"{claim.chapter}: {claim.text}")
    total = len(guide.claims)
    if failed:
        page.verdict(False, f"{len(failed)} of {total} claims do not hold.")
    else:
        page.verdict(True, f"All {total} claims hold: formulas, derivatives and curvature agree.")
    return not failed
