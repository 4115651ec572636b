"""Files that mean more than they say, and grids that nobody trains: a limit by name, before anything of that size is made."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import SpecError
from sweeper.spec import yaml_text
from sweeper.spec.design_kinds import FactorialDesign
from sweeper.spec.factors import level_name
from sweeper.spec.load import load_sweep, sweep_from, variant_config
from sweeper.spec.reading import read_mapping
from sweeper.spec.yaml_text import DEEPEST, MOST_VALUES, parse_yaml

HEAD = "question: q\nname: n\nbase: {preset: nano}\nseeds: 1\nmetric: {primary: held_out_loss, direction: lower}\n"
SHIPPED = Path(__file__).parents[2] / "sweeps" / "noise_aug_vs_interaction.yaml"


def laughs(depth: int = 9) -> str:
    """Ten aliases of ten aliases of ...: 10^depth values."""
    lines = ["x0: &x0 [a, a, a, a, a, a, a, a, a, a]"]
    lines += [f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 10)}]" for i in range(1, depth)]
    return "\n".join(lines)


def merged(depth: int = 30) -> str:
    """The same with `<<`, whose keys are copied."""
    lines = ["x0: &x0 {" + ", ".join(f"k{i}: 1" for i in range(100)) + "}"]
    lines += [f"x{i}: &x{i} {{a: {{<<: *x{i - 1}}}, b: {{<<: *x{i - 1}}}}}" for i in range(1, depth)]
    return "\n".join(lines)


TEXTS: dict[str, tuple[Callable[[], str], str]] = {
    "aliases of aliases": (laughs, "more than 20,000 values, aliases written out; shorten the file"),
    "merged mappings": (merged, "more than 20,000 values, aliases written out; shorten the file"),
    "an alias in itself": (lambda: "a: &a [1, *a]", "an alias stands for what it is part of; write out what is meant"),
    "an alias far inside itself": (lambda: "a: &a {b: {c: [1, *a]}}", "an alias stands for what it is part of"),
    "deep lists": (lambda: "a: " + "[" * 100_000, "nested more than 50 deep, and no sweep is; fix the line"),
    "deep mappings": (lambda: "{a: " * 100_000, "nested more than 50 deep"),
    "deep blocks": (lambda: "\n".join(" " * i + "a:" for i in range(1_000)), "nested more than 50 deep"),
    "deep dashes": (lambda: "- " * 100_000, "nested more than 50 deep"),
    "a megabyte of keys": (lambda: "".join(f"key{i}: 1\n" for i in range(80_000)), "more than 20,000 values"),
    "a megabyte of entries": (lambda: "- 1\n" * 240_000, "more than 20,000 values"),
    "ten megabytes": (lambda: HEAD + "# more\n" * 1_500_000, "is longer than the 1,000,000 bytes of a sweep file"),
    "a number of ten thousand digits": (lambda: "seeds: " + "9" * 10_000, "not YAML"),
    "an escape": (lambda: 'a: "\\e[2J"', "the character '\\x1b' is no text; leave it out"),
    "half a letter": (lambda: 'a: "\\ud800"', "the character '\\ud800' is no text; leave it out"),
    "a tag": (lambda: "a: !!python/object/apply:os.system [ls]", "the tag tag:yaml.org,2002:python/object/apply:os.system"),
}


@pytest.mark.parametrize("what", TEXTS)
def test_a_text(what: str, tmp_path: Path) -> None:
    text, message = TEXTS[what]
    file = tmp_path / "F.yaml"
    file.write_text(text())
    with pytest.raises(SpecError) as caught:
        load_sweep(file)
    assert str(caught.value).startswith(str(file))
    assert message in str(caught.value)
    assert len(str(caught.value)) < 1_000


def test_reading_stops_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text is composed value by value; of a long one, no more than the limit is."""
    seen = 0
    compose = yaml_text.yaml.SafeLoader.compose_node

    def counted(self: Any, parent: Any, index: Any) -> Any:
        nonlocal seen
        seen += 1
        return compose(self, parent, index)

    monkeypatch.setattr(yaml_text.yaml.SafeLoader, "compose_node", counted)
    for text in ("- 1\n" * 100_000, laughs()):
        seen = 0
        with pytest.raises(SpecError, match="more than 20,000 values"):
            parse_yaml(text, "F")
        assert seen <= MOST_VALUES + 1


def test_what_is_within_the_limits_is_read() -> None:
    assert parse_yaml("[" * DEEPEST + "]" * DEEPEST, "F")
    assert len(parse_yaml("\n".join(f"k{i}: v" for i in range(MOST_VALUES // 2 - 1)), "F")) == MOST_VALUES // 2 - 1
    assert parse_yaml("a: &a [1, 2]\nb: *a\nc: *a\n", "F") == {"a": [1, 2], "b": [1, 2], "c": [1, 2]}
    assert parse_yaml("a: &a {x: 1}\nb: {<<: *a, y: 2}\n", "F") == {"a": {"x": 1}, "b": {"x": 1, "y": 2}}


@pytest.mark.parametrize("path", sorted(SHIPPED.parent.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_sweeps_are_far_from_the_limits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_text, "MOST_VALUES", MOST_VALUES // 20)
    monkeypatch.setattr(yaml_text, "DEEPEST", DEEPEST // 3)
    assert read_mapping(path)


def factors(*sizes: int) -> dict[str, Any]:
    """A grid over numbers that a config takes, a factor per size."""
    paths = ["batch_size", "log_every", "checkpoint_every", "evaluation.samples", "backbone.width", "steps"]
    kept = zip(paths, sizes, strict=False)
    return {"kind": "factorial", "factors": {path: {"path": path, "levels": [4 * i for i in range(1, size + 1)]} for path, size in kept}}


GRIDS = {
    "100,000 cells": (factors(10, 10, 10, 10, 10), 1, "100,000 cells are more than the limit of 10,000; drop levels or factors"),
    "10^18 cells": (factors(1_000, 1_000, 1_000, 1_000, 1_000, 1_000), 1, "1,000,000,000,000,000,000 cells are more than"),
    "100,000 levels": (factors(100_000), 1, "100,000 cells are more than the limit of 10,000"),
    "200,000 trials": (factors(200), 1_000, "200 variants x 1,000 seeds are more than 100,000 trials; ask for fewer"),
    "100,000 seeds": (factors(2), 100_000, "a sweep has 1 to 1,000 seeds, not 100,000"),
    "10^30 seeds": (factors(2), 10**30, "a sweep has 1 to 1,000 seeds, not 1,000,000"),
}


@pytest.mark.parametrize("what", GRIDS)
def test_a_grid_that_nobody_trains(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused before a single config is made; of seeds that are wrong alone, each variant is looked at once, for its own faults."""
    design, seeds, message = GRIDS[what]
    made = 0

    def counted(*given: Any) -> Any:
        nonlocal made
        made += 1
        return variant_config(*given)

    monkeypatch.setattr("sweeper.spec.load.variant_config", counted)
    raw = {key: value for key, value in read_mapping(SHIPPED).items() if key not in ("contrasts", "baseline", "profiles")}
    with pytest.raises(SpecError) as caught:
        sweep_from(raw | {"design": design, "seeds": seeds}, "F")
    assert message in str(caught.value)
    assert made <= (2 if "seeds" in what else 0)


def test_comparisons_that_nobody_reads() -> None:
    """Every contrast looks at every variant, and every cell at every match."""
    raw = {key: value for key, value in read_mapping(SHIPPED).items() if key not in ("contrasts", "baseline", "profiles")}
    raw |= {"design": factors(101, 50), "seeds": 1}

    def refused(**changed: Any) -> str:
        with pytest.raises(SpecError) as caught:
            sweep_from(raw | changed, "F")
        return str(caught.value)

    contrasts = [{"name": f"c{i}", "of": {"log_every": 4}, "to": {"log_every": 8}} for i in range(201)]
    assert refused(contrasts=contrasts).startswith("F: contrasts: give at most 200 entries")
    assert refused(contrasts=contrasts[:200]) == "F: 200 contrasts over 5,050 variants are more than 1,000,000 together; ask for fewer"
    for what in ("where", "unless"):
        matches = [{"batch_size": 4}] * 201
        message = f"F: design: {what}: 201 matches are more than the limit of 200; give several levels of a factor in one"
        assert refused(design=raw["design"] | {what: matches}).startswith(message)


def test_names_of_levels_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for every match, nor matches read anew for every cell: both would be millions."""
    made = 0

    def counted(value: Any) -> str:
        nonlocal made
        made += 1
        return level_name(value)

    monkeypatch.setattr("sweeper.spec.factors.level_name", counted)
    monkeypatch.setattr("sweeper.spec.design_kinds.level_name", counted)
    design = factors(1_000) | {"where": [{"batch_size": 4 * i} for i in range(1, 201)], "unless": {"batch_size": [4, 8]}}
    kept = FactorialDesign.model_validate(design).expand()
    assert [variant.name for variant in kept] == [str(4 * i) for i in range(3, 201)]
    assert made < 10_000


def test_a_hundred_thousand_equal_levels_are_counted_once() -> None:
    """Names that come twice are found in one pass: in pairs, it would be an hour."""
    raw = {key: value for key, value in read_mapping(SHIPPED).items() if key not in ("contrasts", "baseline", "profiles")}
    levels = [*range(100_000), 7]
    random.Random(0).shuffle(levels)
    design = {"kind": "factorial", "factors": {"batch": {"path": "batch_size", "levels": levels}}}
    with pytest.raises(SpecError, match="level '7' appears twice; every level has its own name"):
        sweep_from(raw | {"design": design}, "F")
