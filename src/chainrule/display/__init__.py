"""Notation: a normal form becomes one layout, and the layout Unicode, LaTeX or NumPy source."""
