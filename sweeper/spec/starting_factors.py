"""The factors that `sweeper init` offers: each with its two levels, what stands for it where it is not varied, and what to ask of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.errors import RequestError, nearest


@dataclass(frozen=True)
class StartingFactor:
    """A factor of two levels, the first of which is the baseline's."""

    subject: str
    """What the second level does, as the subject of a question."""
    levels: tuple[str, str]
    lines: tuple[str, ...]
    """The factor in YAML, below its name."""
    holding: tuple[str, str] | None = None
    """A factor and the level of it at which alone this one does something."""


FACTORS = {
    "timesteps": StartingFactor(
        "a second noise level in the image",
        ("single", "dual"),
        (
            "path: timesteps.kind # the config field that a list of levels sets",
            "levels: [single, dual] # single: one noise level per image; dual: one for each of two groups of its tokens",
        ),
    ),
    "separation": StartingFactor(
        "separating attention between the groups of tokens",
        ("none", "full"),
        (
            "levels: # named levels may set several fields",
            "  none: {attention.separation: none, alignment.teacher.separated: false} # a token reads all tokens",
            "  full: {attention.separation: full, alignment.teacher.separated: true} # only those of its own group",
        ),
    ),
    "ratio": StartingFactor(
        "an even partition of the tokens",
        ("0.25", "0.5"),
        ("path: partition.ratio", "levels: [0.25, 0.5] # share of the tokens in the smaller group"),
        holding=("timesteps", "dual"),
    ),
    "alignment": StartingFactor(
        "self-alignment",
        ("none", "self"),
        (
            "path: alignment.kind",
            "levels: [none, self] # self: features follow those of the network's own moving average, which sees a cleaner image",
        ),
    ),
}
"""In the order in which they are offered."""
OTHER_NAMES = {"partition ratio": "ratio", "partition": "ratio", "partition_ratio": "ratio"}


def chosen_factors(given: str) -> tuple[str, ...]:
    """The factors of a list such as `timesteps,separation`; raises RequestError."""
    names = [" ".join(name.split()) for name in given.split(",")]
    names = [OTHER_NAMES.get(name, name) for name in names if name]
    for name in names:
        if name not in FACTORS:
            raise RequestError(f"--factors {given}: there is no factor {name!r} to begin with{nearest(name, FACTORS)}")
    if not names or len(set(names)) < len(names):
        raise RequestError(f"--factors {given}: name one or more of {', '.join(FACTORS)}, each once, separated by commas")
    return tuple(names)


def usual_question(factors: Sequence[str]) -> str:
    """What a sweep over these factors asks, where nobody says it."""
    subjects = [FACTORS[name].subject for name in factors]
    if len(subjects) == 1:
        return f"Does {subjects[0]} lower the held-out loss?"
    return f"Which lowers the held-out loss: {', '.join(subjects[:-1])} or {subjects[-1]}?"
