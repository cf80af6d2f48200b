"""Rewriting: derived programs in a normal form that is cheap to run and short to read."""
