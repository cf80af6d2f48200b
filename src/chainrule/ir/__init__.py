"""The array IR: types, interned nodes, graphs and the walks over them. Imports NumPy only."""
