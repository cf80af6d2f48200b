"""The `chainrule` command: derivatives at the shell prompt, and a tour of the calculus.

``chainrule derive FILE.py:FUNCTION --wrt w`` prints a derivative as a formula, checks it and
times it; ``chainrule tour`` walks through the calculus on real data. Everything here stands on
the public names of `chainrule` alone.
"""

from chainrule.cli.main import main

__all__ = ["main"]
