"""The command line: what may be typed, and what each outcome returns to the shell.

Exit codes: 0 when all is right, 1 when a derivative or a claim is wrong, 2 when the command
could not be carried out as typed.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from chainrule.cli.derive import Request, derive
from chainrule.cli.page import Page
from chainrule.cli.target import CommandError
from chainrule.cli.tour import CHAPTERS, tour
from chainrule.errors import ChainruleError

__all__ = ["main"]

DERIVE_HELP = """\
examples:
  chainrule derive model.py:loss --wrt w
  chainrule derive model.py:loss --wrt w --order 2 --latex
  chainrule derive "mean((y - (X @ w + b))**2)" --wrt w --shape X=N,d
  chainrule derive "x @ A @ x" --wrt x --shape A=n,n --assume A=symmetric

The arguments of a function in a file come from the file: EXAMPLES, a mapping from
the names of its arguments to arrays (or from the names of its functions to tuples),
or example_arguments(), a function that returns such a mapping. Or declare them:
--shape X=N,d for a matrix, --shape w=d for a vector, --shape b= for a number.
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command."""
    top = argparse.ArgumentParser(
        prog="chainrule",
        description="Derivatives of plain NumPy functions: the formula, its check, its speed.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    one = commands.add_parser(
        "derive",
        help="print the derivative of a function or an expression",
        epilog=DERIVE_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    one.add_argument(
        "target", help='FILE.py:FUNCTION, package.module:function, or "EXPRESSION" in NumPy'
    )
    one.add_argument(
        "--wrt",
        action="append",
        metavar="NAME",
        help="the argument to differentiate by, or a path into it; may be repeated",
    )
    one.add_argument("--order", type=int, default=1, metavar="N", help="1 (default), 2, …")
    one.add_argument("--latex", action="store_true", help="also print LaTeX")
    one.add_argument(
        "--code", choices=["numpy", "jax", "torch"], help="also print stand-alone source"
    )
    one.add_argument(
        "--steps",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="print the derivation line by line (default)",
    )
    one.add_argument(
        "--shape",
        action="append",
        default=[],
        metavar="X=N,d",
        help="declare an argument's shape; may be repeated",
    )
    one.add_argument(
        "--assume",
        action="append",
        default=[],
        metavar="A=symmetric",
        help="declare what is true of an argument; may be repeated",
    )

    walk = commands.add_parser(
        "tour",
        help="walk through the calculus on real data",
        description="Fits three models to real data, deriving and checking every step.",
    )
    walk.add_argument(
        "--chapter",
        type=int,
        choices=range(1, len(CHAPTERS) + 1),
        metavar="N",
        help=f"only one chapter, 1 to {len(CHAPTERS)}",
    )
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command, by default the one typed, and return its exit code."""
    typed = parser().parse_args(arguments)
    try:
        if typed.command == "tour":
            return 0 if tour(Page(), typed.chapter) else 1
        request = Request(
            target=typed.target,
            wrt=tuple(typed.wrt or ()),
            order=typed.order,
            latex=typed.latex,
            code=typed.code,
            steps=typed.steps,
            shapes=tuple(typed.shape),
            assumptions=tuple(typed.assume),
        )
        return 0 if derive(request, Page()) else 1
    except (CommandError, ChainruleError) as error:
        print(f"chainrule: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader (`| head`) has seen enough; Python would try once more to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
