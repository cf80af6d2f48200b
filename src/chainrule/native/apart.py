"""Short arrays that are better kept as single numbers than as a vector.

``np.array([vx, vy, p * x, p * y])`` puts four numbers together, and what reads its elements takes
them apart again. In a vector each of them would wait for all: in a Runge-Kutta step a position for
the force, though it needs the velocity alone. So where elements are written and read one by one
more often than whole arrays are worked on, the arrays stay apart.
"""

from __future__ import annotations

from collections import Counter

from .plan import Buffer, Straight, View, count

#: More elements than this are a vector in any case; and working on so many counts as one access.
_FEW, _LANES = 8, 4


def kept_apart(step: Straight) -> set[Buffer]:
    """The buffers of a step whose elements are to be values by themselves."""
    leader: dict[Buffer, Buffer] = {}

    def find(b: Buffer) -> Buffer:
        while (up := leader.setdefault(b, b)) is not b:
            leader[b] = b = leader[up]
        return b

    single: Counter[Buffer] = Counter()
    together: list[tuple[Buffer, int]] = []
    for domain, s in zip(step.domains, step.statements, strict=True):
        views = [r for r in (*s.reads, s.target) if isinstance(r, View)]
        short = [v.buffer for v in views if 1 < v.buffer.size <= min(_FEW, step.most)]
        if count(domain) == 1:
            single.update(short)
        elif short and not s.reduce:
            together.append((short[-1], -(-count(domain) // _LANES)))
            for b in short:
                leader[find(b)] = find(short[-1])
    score: Counter[Buffer] = Counter()
    for b, n in single.items():
        score[find(b)] += n
    for b, n in together:
        score[find(b)] -= n
    return {b for b in {*single, *leader} if score[find(b)] > 0}
