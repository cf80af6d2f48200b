"""Walks over graphs that differentiate and batch them. They know no primitive by name."""
