"""Tracing: plain NumPy functions become graphs by running on traced arrays."""
