"""The noise levels that analyses look at, and the axes of their arrays."""

from model.analysis_result import Axis

LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Noise levels in [0, 1], in the units of every process."""
CLEAN, NOISY = LEVELS[0], LEVELS[-1]


def setting(groups: int, own: int, t_own: float, t_other: float) -> tuple[float, ...]:
    """The noise level of every group when group `own` is at `t_own` and all others at `t_other`."""
    return tuple(t_own if group == own else t_other for group in range(groups))


def settings(groups: int) -> tuple[tuple[float, ...], ...]:
    """All of them over `LEVELS`, each once: with two groups one pass serves both, as each is the other's other."""
    every = (setting(groups, own, a, b) for own in range(groups) for a in LEVELS for b in LEVELS)
    return tuple(dict.fromkeys(every))


def t_axis(name: str = "t") -> Axis:
    """Noise levels."""
    return Axis(name, LEVELS)


def layers_axis(layers: int, name: str = "layer") -> Axis:
    """Layers, counted from 1."""
    return Axis(name, tuple(float(layer) for layer in range(1, layers + 1)))


def groups_axis(groups: int, name: str) -> Axis:
    """Groups of the partition, counted from 0."""
    return Axis(name, tuple(float(group) for group in range(groups)))
