"""Ten thousand sweeps, overrides and YAML texts that hypothesis makes up: each is planned, or refused in one sentence. None is a traceback.

Always the same ones (`derandomize`), so that a failure is a change of the code. No torch: a plan needs none.
"""

import contextlib
import copy
import io
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from odd_values import ODD, WORDS, change
from rich.console import Console

from sweeper.cli.plan_claims import claims_as_mapping, print_claims
from sweeper.cli.plan_json import as_mapping
from sweeper.cli.plan_text import print_plan
from sweeper.errors import SpecError, SweeperError
from sweeper.plan.machine import Machine
from sweeper.service.disk_space import disk_space
from sweeper.service.plan_claims import plan_claims
from sweeper.service.plan_sweep import SweepRequest, plan_sweep
from sweeper.settings import Settings
from sweeper.spec.load import sweep_from
from sweeper.spec.reading import read_mapping
from sweeper.spec.yaml_text import parse_yaml

FILES = sorted((Path(__file__).parents[2] / "sweeps").glob("*.yaml"))
SHIPPED = [read_mapping(path) for path in FILES]
TWO = {
    "a": {"path": "batch_size", "levels": [8, 16]},
    "b": {"path": "log_every", "levels": [5, 10]},
    "c": {"levels": {"small": {"backbone.width": 48}, "wide": {"backbone.width": 96, "backbone.heads": 6}}},
    "d": {"path": "timesteps.kind", "levels": ["single", "dual"]},
}
PARTS = {"wide": {"backbone.width": 96}, "slow": {"optimizer.learning_rate": 0.001}, "dual": {"timesteps.kind": "dual"}}
DESIGNS: list[dict[str, Any]] = [
    {"kind": "fractional", "factors": TWO, "resolution": 4},
    {"kind": "fractional", "factors": TWO, "generators": {"d": ["a", "b", "c"]}},
    {"kind": "one_at_a_time", "factors": TWO},
    {"kind": "factorial", "factors": TWO, "where": [{"a": 8}], "unless": [{"b": 5, "d": "dual"}]},
    *({"kind": kind, "components": PARTS} for kind in ("leave_one_out", "add_one_in", "path")),
    {"kind": "variants", "variants": {"one": {}, "two": {"steps": 9}}},
]
SIDES = [
    *[{"of": {"d": "dual"}, "to": {"d": "single"}}] * 4,
    *[{"of": {"wide": "with"}, "to": {"wide": "without"}}] * 3,
    {"weights": {"one": 1, "two": -1}, "relative_to": "two"},
]
KINDS: list[dict[str, Any]] = [
    *({"kind": kind, "margin": margin} for kind in ("superior", "non_inferior", "equivalent") for margin in ("2%", 0.1)),
    {"kind": "finishes_more", "expected": "60%"},
]
OTHERS = [
    {key: value for key, value in SHIPPED[0].items() if key in ("question", "name", "metric")}
    | {"base": {"preset": "nano"}, "design": design, "seeds": 3}
    for design in DESIGNS
]
CLAIMING = [
    sweep | {"contrasts": [{"name": "a claim", "alpha": 0.05, **sides, **KINDS[i % len(KINDS)]}]}
    for i, (sweep, sides) in enumerate(zip(OTHERS, SIDES, strict=True))
]
SWEEPS = [*SHIPPED, *OTHERS, *CLAIMING]
CHANGED, OVERRIDDEN, TEXTS = 4_000, 3_000, 3_000
HERE = Machine(2, (), cluster=False)
NOWHERE = Settings(home=Path(__file__).parent / "no home", database_url=None)


def always_the_same(examples: int) -> Callable[[Any], Any]:
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


def said(error: SweeperError) -> str:
    """Its message, which has words and the place."""
    assert str(error).startswith(("sweep.yaml", "--set "))
    return str(error)


@contextlib.contextmanager
def no_hang(seconds: float = 5) -> Iterator[None]:
    """Of the processor's time, so that a busy machine is no hang; the timeout of pytest would stop one example, and the next would hang."""

    def stop(*_: object) -> None:
        raise AssertionError(f"it took more than {seconds:g} s: it hangs")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@no_hang()
def planned_or_refused(raw: dict[str, Any], profile: str | None = None, overrides: tuple[str, ...] = ()) -> bool:
    """Whether it was planned."""
    try:
        sweep = sweep_from(raw, "sweep.yaml", profile=profile, overrides=overrides)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sweeper.service.plan_sweep.load_sweep", lambda *_, **__: sweep)
            planned = plan_sweep(SweepRequest(Path("sweep.yaml")), lambda _: {}, machine=HERE, refuse_missing=False)
    except SweeperError as error:
        return not said(error)
    trials = planned.trials
    assert trials or planned.search is not None  # whose trials its sampler proposes later
    assert len({(trial.variant, trial.seed) for trial in trials}) == len(trials)
    claims = plan_claims(planned, NOWHERE)
    printed = Console(file=io.StringIO(), width=100)
    space = disk_space(planned, NOWHERE)
    print_plan(planned, {}, space, printed)
    print_claims(claims, "sweeper run sweep.yaml --pilot", printed)
    json.dumps(as_mapping(planned, {}, space) | {"claims": claims_as_mapping(claims)}, allow_nan=False)
    return True


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda sweep: f"{sweep['name']} {sweep['design']['kind']}")
def test_the_sweeps_that_are_changed_are_good(sweep: dict[str, Any]) -> None:
    """Else every change would be refused for the same reason, and the tests above would see nothing."""
    assert planned_or_refused(sweep)


numbers = st.integers(0, 2**16 - 1)
changes = st.lists(st.tuples(numbers, st.integers(0, 8), numbers), min_size=1, max_size=3)
profiles = st.sampled_from([None, None, "smoke", "default", "nothing"])


@always_the_same(CHANGED)
@given(sweep=st.sampled_from(SWEEPS), made=changes, profile=profiles)
def test_changed_sweeps(sweep: dict[str, Any], made: list[tuple[int, int, int]], profile: str | None) -> None:
    changed = copy.deepcopy(sweep)
    for one in made:
        change(changed, *one)
    planned_or_refused(changed, profile)


# fmt: off
PATHS = [
    "name", "question", "base", "base.preset", "base.method", "base.steps", "base.seed", "base.data", "base.data.kind", "base.data.path",
    "base.partition.ratio", "base.timesteps.gap", "base.timesteps.gap.kind", "base.alignment.encoder.name", "base.batch_size",
    "base.evaluation.sampler.kind", "base.evaluation.samples", "base.evaluation.extractor.kind", "base.process.kind", "base.backbone.width",
    "base.backbone.patch", "base.partition.assignment", "design", "design.kind", "design.factors", "design.factors.timesteps",
    "design.factors.timesteps.levels", "design.factors.timesteps.path", "design.factors.new.levels", "design.variants", "seeds", "metric",
    "metric.primary", "metric.direction", "baseline", "contrasts", "contrasts.0", "resources", "resources.gpus", "resources.cpus",
]
TOKENS = [
    "a", "b", "1", ": ", ":", "\n", "\n  ", "\n    ", "- ", "[", "]", "{", "}", ", ", "&a ", "*a", "<<", "? ", "| ", "> ", "'", '"', "#",
    "!!", "!!int ", "!!binary ", "!!set ", "!!timestamp ", "!!python/object/apply:os.system ", "!x ", "%YAML 1.2", "---", "...", "\t",
    "~", "true", ".inf", "1e400", "0x1F", "1_000", "2001-12-14", "\\", "\\x00", "\\ud800", "\x00", "\x1b", "\ufeff", "\x85", "\u2028",
    "question", "name", "base", "design", "seeds", "metric", "kind", "9" * 5_000,
]
# fmt: on
paths = st.sampled_from(PATHS)
texts = st.one_of(st.sampled_from([str(value) for value in ODD]), st.sampled_from(WORDS), st.text(max_size=6), st.integers().map(str))
overrides = st.one_of(
    st.builds("{}={}".format, paths, texts), st.builds("{}.{}={}".format, paths, st.sampled_from(WORDS), texts), st.text(max_size=12), texts
)


@always_the_same(OVERRIDDEN)
@given(sweep=st.sampled_from(SWEEPS), given_=st.lists(overrides, min_size=1, max_size=2), profile=profiles)
def test_overridden_sweeps(sweep: dict[str, Any], given_: list[str], profile: str | None) -> None:
    planned_or_refused(sweep, profile, tuple(given_))


tokens = st.sampled_from(TOKENS)


@always_the_same(TEXTS)
@given(text=st.one_of(st.lists(tokens, max_size=14).map("".join), st.text(max_size=30)))
def test_yaml_texts(text: str) -> None:
    try:
        found = parse_yaml(text, "sweep.yaml")
    except SpecError as error:
        said(error)
        return
    if isinstance(found, dict) and all(isinstance(key, str) for key in found):
        planned_or_refused(found)
