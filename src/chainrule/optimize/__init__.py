"""Minimisers, least squares and roots, on exact derivatives.

SciPy's solvers where they are good, fed with exact gradients, Jacobians and Hessians; a Newton
method of our own where the structure of the Hessian is what counts.
"""
