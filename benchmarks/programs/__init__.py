"""Plain NumPy and SciPy programs, and a runner that tries each of them with each tool."""
