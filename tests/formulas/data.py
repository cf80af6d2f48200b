"""Data of the twenty cases. All sizes differ, so a transposed or misaligned result cannot pass."""

import numpy as np

rng = np.random.default_rng(20260101)
N, n, k, m, h, d, L = 11, 4, 3, 6, 5, 2, 8

X = rng.normal(size=(N, n))
y = rng.normal(size=N)
t = (rng.random(N) < 0.5).astype(float)
A = rng.normal(size=(n, n))
c = rng.normal(size=n)
Tgt = rng.normal(size=(m, L))
Yh = rng.normal(size=(N, k))
M = rng.normal(size=(m, n))
z = rng.normal(size=m)
lam = 0.7

w, x, mu = rng.normal(size=(3, n))
b = np.array(0.3)
U = rng.normal(size=(m, d))
V = rng.normal(size=(L, d))
W1 = rng.normal(size=(n, h))
b1 = rng.normal(size=h)
W2 = rng.normal(size=(h, k))
b2 = rng.normal(size=k)
x3 = np.array([0.4, -1.2, 0.9])
root = rng.normal(size=(n, n))
S = root @ root.T + n * np.eye(n)
