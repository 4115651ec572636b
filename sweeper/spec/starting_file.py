"""The sweep file that `sweeper init` writes: a whole one to run and to change, whose comments say what each part is for."""

import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from sweeper.spec.schema_file import modeline
from sweeper.spec.starting_data import StartingData
from sweeper.spec.starting_factors import FACTORS

WIDTH = 110
NOT_TEXT = frozenset({"y", "n", "yes", "no", "true", "false", "on", "off", "null"})
"""Words that YAML takes for something else, in any case."""
CONTRASTS = (
    "# A contrast reads an effect off the variants: `of` minus `to`, averaged over the factors that it does not name. With `kind` and",
    "# `alpha` it is a claim and gets a verdict: superior, inferior or, within `smallest_effect`, equivalent. Claims come from the",
    "# question, so they are written before any result (docs/claims.md). Whether one effect depends on another factor is asked by",
    "# `weights`, with kind: no_interaction.",
)


@dataclass(frozen=True)
class Start:
    """The answers to what `sweeper init` asks."""

    question: str
    data: StartingData
    factors: tuple[str, ...]
    """Of `FACTORS`, in the order of the file."""
    seeds: int


def starting_text(start: Start, *, name: str, file: str, schema: str) -> str:
    """The file's text.

    Args:
        start: What was answered.
        name: The sweep's name.
        file: The file, as commands in its comments name it.
        schema: Where the JSON Schema lies, from the file's folder.
    """
    parts = (_head(start, name, file, schema), _base(start), _design(start), _measure(start), _contrasts(start), _end(start))
    return "\n".join("".join(f"{line}\n" for line in part) for part in parts)


def _head(start: Start, name: str, file: str, schema: str) -> Iterator[str]:
    yield modeline(schema)
    yield f"# Plan:  sweeper plan {file}                   (what it would train, cost and be able to show)"
    yield f"# Run:   sweeper run {file}                    (again: trains only what is missing)"
    yield f"#        sweeper run {file} --profile smoke    (first: everything once, in few steps)"
    yield "question: >-"
    yield from (f"  {line}" for line in textwrap.wrap(start.question, WIDTH, break_long_words=False, break_on_hyphens=False))
    plain = re.fullmatch(r"[A-Za-z][\w-]*", name) is not None and name.lower() not in NOT_TEXT
    written = name if plain else json.dumps(name)  # 2024 would be a number
    yield f"name: {written} # reports and commands call the sweep by it"


def _base(start: Start) -> Iterator[str]:
    data = start.data
    yield "base: # what all trials have in common: a preset, and what differs from it (`sweeper schema` has every field)"
    yield f"  preset: {data.preset} # {'a small transformer and its recipe' if data.preset == 'nano' else 'a published size / patch'}"
    yield f"  data: {data.fields} # {data.comment}"
    if data.patch is not None:
        yield f"  backbone: {{patch: {data.patch}}} # side of a token in pixels; fewer tokens are faster"
    if "timesteps" not in start.factors:
        yield "  timesteps: {kind: dual} # two noise levels in an image, one for each of two groups of its tokens"
    if "ratio" not in start.factors:
        yield "  partition: {ratio: 0.25} # share of the tokens in the smaller group"
    yield "  alignment: # the second loss: features of an early layer follow those of a later one of a moving average, the teacher"
    if "alignment" not in start.factors:
        yield "    kind: self"
    yield "    weight: 0.5"
    yield "    teacher: {timesteps: interval} # it sees the image a little cleaner than the student (SRA)"
    yield f"  steps: {data.steps} # long enough when the held-out loss no longer falls"
    yield f"  held_out_every: {data.steps // 2}"
    yield f"  samples_every: {data.steps}"
    yield f"  checkpoint_every: {data.steps // 2}"
    yield f"  evaluation: {{samples: {data.samples}}}"


def _design(start: Start) -> Iterator[str]:
    yield "design: # what is varied; every combination of the levels is a variant"
    yield "  kind: factorial # or one_at_a_time, leave_one_out, fractional, search, ... (docs/sweep_files.md)"
    yield "  factors:"
    for name in start.factors:
        yield f"    {name}:"
        yield from (f"      {line}" for line in FACTORS[name].lines)


def _measure(start: Start) -> Iterator[str]:
    yield f"seeds: {start.seeds} # training seeds 0 to {start.seeds - 1}: every variant is trained at each, and intervals are over seeds"
    yield "metric: {primary: held_out_loss} # decides the question, so it is named before any result; docs/metrics.md lists the others"
    yield f"baseline: {'/'.join(FACTORS[name].levels[0] for name in start.factors)} # the variant that others are read against"


def _contrasts(start: Start) -> Iterator[str]:
    yield from CONTRASTS
    yield "contrasts:"
    for number, name in enumerate(start.factors):
        factor = FACTORS[name]
        base, other = factor.levels
        why = (" # probability of a wrong verdict that all claims share", " # the smallest difference that would matter to you")
        of_alpha, of_effect = why if number == 0 else ("", "")
        yield f"  - name: effect of {name}"
        yield f"    question: Does {factor.subject} lower the held-out loss? (Negative means that it does.)"
        yield f"    of: {{{name}: {other}}}"
        yield f"    to: {{{name}: {base}}}"
        if factor.holding is not None and factor.holding[0] in start.factors:
            yield f"    holding: {{{factor.holding[0]}: {factor.holding[1]}}} # elsewhere it does nothing, or less"
        yield "    kind: superior"
        yield f"    alpha: 0.05{of_alpha}"
        yield f"    smallest_effect: 2%{of_effect}"


def _end(start: Start) -> Iterator[str]:
    yield "resources: {cpus: 1, gpus: auto} # of one trial; auto: a GPU where there is one"
    yield ""
    yield "profiles: # named overrides: `--profile smoke`"
    yield "  smoke: # proves nothing"
    yield "    base:"
    for line in ("steps: 40", "ema_decay: 0.9", "log_every: 10", "held_out_every: 20", "samples_every: 40", "checkpoint_every: 20"):
        yield f"      {line}"
    yield "      evaluation: {samples: 100, sampler: {steps: 10}}"
    yield "    seeds: 2"
