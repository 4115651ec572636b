"""The way in: a sweep file, a profile and overrides become one checked `LoadedSweep`, or one clear message."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from model.config import PartitionConfig, TrainConfig
from model.errors import ConfigError
from model.presets import METHODS, PRESETS, complete, lay_method
from sweeper.errors import SpecError, nearest
from sweeper.records import Variant
from sweeper.spec.claims import ensure_answerable
from sweeper.spec.designs import contrast_weights, fitted_template, spelled, variants_of
from sweeper.spec.explaining import explain
from sweeper.spec.factors import written_as
from sweeper.spec.measured import ensure_guided_by, ensure_measured, faults_of_contrasts, faults_of_own_metrics
from sweeper.spec.pilot import pilot_of
from sweeper.spec.reading import DEFAULT_PROFILE, apply_overrides, apply_profile, read_mapping, set_path
from sweeper.spec.report_template import ReportTemplate
from sweeper.spec.search_design import SearchDesign
from sweeper.spec.section import twice
from sweeper.spec.sweep_spec import SweepSpec

NAMED = {"preset": PRESETS, "method": METHODS}
"""What `base` may begin with, by name."""
UNNAMED: dict[str, Any] = {
    "data": {"path"},
    "alignment": {"encoder": {"weights"}},
    "evaluation": {"extractor": {"weights"}, "classifier": {"weights"}, "autoencoder": {"weights"}, "reference": True},
}
"""Places of files, which are known by their content."""
ON_CURVES = ("held_out_loss", "held_out_noise_loss")
"""Metrics with a point every `held_out_every` steps."""
MAX_WEIGHED = 1_000_000
"""Contrasts times variants: each contrast looks at every variant, in planning and in a report. So many take half a minute."""
MOST_FAULTS = 20
"""Configs whose faults one answer names; `sweeper check` names all."""
MOST_NAMED = 3
"""Variants of one fault that are named; likewise."""
RULES = frozenset({"value_error", "assertion_error", "missing"})
"""Errors of pydantic that a level of the design may mend: rules between fields, and fields that are not there."""
STAND_INS: dict[str, Any] = {"question": "?", "name": "x", "seeds": [0], "metric": {"primary": "held_out_loss", "direction": "lower"}}
"""For fields that are wrong themselves, while the others are looked at."""
MAX_TRIALS = 100_000
"""More is a mistake; it is refused before every config is checked. So many are planned in seconds (benchmarks/store_scale.py)."""


@dataclass(frozen=True)
class LoadedSweep:
    """A checked sweep: every variant's config is valid, every contrast names variants of the design."""

    spec: SweepSpec
    profile: str
    version: str
    """Hash of the resolved spec; margins and contrasts are part of it."""
    place: str
    """The file, for messages."""
    configs: tuple[tuple[Variant, TrainConfig], ...]
    """Every variant with its config at the first seed."""


def load_sweep(path: Path, *, profile: str | None = None, overrides: Sequence[str] = (), pilot: bool = False) -> LoadedSweep:
    """Raises SpecError with the place and the remedy; reads no data set and starts nothing. `pilot`: of the sweep, its pilot."""
    sweep = sweep_from(read_mapping(path), str(path), profile=profile, overrides=overrides)
    return check_sweep(pilot_of(sweep.spec), sweep.profile, sweep.place) if pilot else sweep


def sweep_from(
    raw: Mapping[str, Any], place: str, *, profile: str | None = None, overrides: Sequence[str] = (), at_length: bool = False
) -> LoadedSweep:
    """The sweep in a mapping that was read at `place`; raises SpecError with the faults, abridged unless `at_length`."""
    whole = laid_out(raw, place, profile, overrides)
    try:
        spec = SweepSpec.read(whole)
    except ValidationError as error:
        raise SpecError(*explain(error, SweepSpec), *_faults_besides(whole, error, at_length), place=place) from error
    return check_sweep(spec, profile or DEFAULT_PROFILE, place, at_length=at_length)


def spec_from(raw: Mapping[str, Any], place: str, *, profile: str | None = None) -> SweepSpec:
    """What the mapping says, with its names as the design writes them; raises SpecError."""
    whole = laid_out(raw, place, profile, ())
    try:
        spec = SweepSpec.read(whole)
        return _spelled(spec, _variants(spec))
    except ValidationError as error:
        raise SpecError(*explain(error, SweepSpec), place=place) from error
    except SpecError as error:
        raise error.within(place) from error


def laid_out(raw: Mapping[str, Any], place: str, profile: str | None, overrides: Sequence[str]) -> dict[str, Any]:
    """The mapping with a profile and overrides laid over it; raises SpecError."""
    whole = apply_profile(raw, profile, place)
    return apply_overrides(whole, overrides, list(SweepSpec.model_fields), [*TrainConfig.model_fields, *NAMED])


def _faults_besides(whole: Mapping[str, Any], error: ValidationError, at_length: bool) -> tuple[str, ...]:
    """What else is wrong, beside the fields of this error: in the configs, and in what the other fields name."""
    places = [fault["loc"] for fault in error.errors()]
    wrong = {place[0] if place else None for place in places}
    if None in wrong or "base" in wrong:
        return ()
    if "design" in wrong:
        return _faults_of_base(whole.get("base", {}))
    rest = {name: value for name, value in whole.items() if name in SweepSpec.model_fields and name not in wrong}
    contrasts = {place[1] if len(place) > 1 else None for place in places if place[0] == "contrasts"}
    if contrasts and None not in contrasts:
        rest["contrasts"] = [one for number, one in enumerate(whole["contrasts"]) if number not in contrasts]
    try:
        check_sweep(SweepSpec.read(STAND_INS | rest), DEFAULT_PROFILE, "", at_length=at_length)
    except ValidationError:  # what is left means nothing without what is wrong
        return ()
    except SpecError as besides:
        return besides.faults
    return ()


def _faults_of_base(base: Mapping[str, Any]) -> tuple[str, ...]:
    """What is wrong with the base's fields by themselves, while nothing is known of the design."""
    try:
        _ensure_base(base)
        TrainConfig.model_validate(complete(base) | {"seed": 0})
    except SpecError as error:
        return error.faults
    except ConfigError as error:
        return (f"base: {error}",)
    except ValidationError as error:
        return tuple(explain(error, TrainConfig, "base.", without=RULES))
    return ()


def check_sweep(spec: SweepSpec, profile: str, place: str, *, at_length: bool = False) -> LoadedSweep:
    """The parts of a sweep against each other. Raises SpecError with every fault, of many configs those of the first unless `at_length`."""
    try:
        variants = _variants(spec)
        spec = _spelled(spec, variants)
        faults = [*_faults_of_names(spec, variants)]
        configs, of_configs = _configs(spec, variants, at_length)
        faults += of_configs
        if not of_configs:
            faults += _faults_of_metrics(spec, configs)
    except SpecError as error:
        raise error.within(place) from error
    if faults:
        raise SpecError(*faults, place=place)
    return LoadedSweep(spec, profile, version_of(spec, configs), place, configs)


def _variants(spec: SweepSpec) -> tuple[Variant, ...]:
    """The variants, few enough to look at each. Raises SpecError."""
    variants = variants_of(spec)
    if len(variants) * len(spec.seeds) > MAX_TRIALS:
        raise SpecError(f"{len(variants):,} variants x {len(spec.seeds):,} seeds are more than {MAX_TRIALS:,} trials; ask for fewer")
    if len(variants) * len(spec.contrasts) > MAX_WEIGHED:
        raise SpecError(
            f"{len(spec.contrasts):,} contrasts over {len(variants):,} variants are more than {MAX_WEIGHED:,} together; ask for fewer"
        )
    if repeated := twice(variant.name for variant in variants):
        raise SpecError(f"design: two variants are called {repeated[0]!r}; rename a level")
    return variants


def _spelled(spec: SweepSpec, variants: Sequence[Variant]) -> SweepSpec:
    """The spec with variants and levels as the design writes them, so far as it has them: 1e-3 as 0.001."""
    baseline = None if spec.baseline is None else written_as(spec.baseline, [variant.name for variant in variants]) or spec.baseline
    contrasts = tuple(spelled(contrast, variants) for contrast in spec.contrasts)
    if (baseline, contrasts) == (spec.baseline, spec.contrasts):
        return spec
    return spec.model_copy(update={"baseline": baseline, "contrasts": contrasts})


def _faults_of_names(spec: SweepSpec, variants: Sequence[Variant]) -> Iterator[str]:
    """What is named that the design does not have."""
    names = [variant.name for variant in variants]
    if spec.baseline is not None and spec.baseline not in names:
        yield f"baseline: there is no variant {spec.baseline!r}{nearest(spec.baseline, names)}"
    for contrast in spec.contrasts:
        try:
            ensure_answerable(contrast, contrast_weights(contrast, variants), variants)
        except SpecError as error:
            yield from error.faults
    try:
        fitted_template(spec.report or ReportTemplate(), variants)
    except SpecError as error:
        yield from error.faults


def _configs(spec: SweepSpec, variants: Sequence[Variant], at_length: bool) -> tuple[tuple[tuple[Variant, TrainConfig], ...], list[str]]:
    """Every variant's config at the first seed, and the faults of those that have none: one for each, however many variants have it."""
    configs = []
    of_variants: dict[str, list[str]] = {}
    for variant in variants:
        try:
            configs.append((variant, variant_config(spec, variant, spec.seeds[0])))
        except SpecError as error:
            for fault in error.faults:
                before = f"variant {variant.name}: "
                of_variants.setdefault(fault.removeprefix(before), []).extend([variant.name] if fault.startswith(before) else [])
            if len(of_variants) >= MOST_FAULTS and not at_length:
                break
    return tuple(configs), [f"{_variants_in_words(names, at_length)}{fault}" for fault, names in of_variants.items()]


def _variants_in_words(names: Sequence[str], at_length: bool) -> str:
    if len(names) <= 1:
        return "".join(f"variant {name}: " for name in names)
    named = names if at_length else names[:MOST_NAMED]
    more = f" and {len(names) - len(named)} more" if len(names) > len(named) else ""
    return f"variants {', '.join(named)}{more}: "


def _faults_of_metrics(spec: SweepSpec, configs: Sequence[tuple[Variant, TrainConfig]]) -> Iterator[str]:
    try:
        for metric in spec.objectives:
            ensure_measured(metric.name, configs)
        ensure_guided_by(spec.primary, configs)
        if isinstance(spec.design, SearchDesign):
            _ensure_searchable(spec, spec.design, configs[0][1])
    except SpecError as error:
        yield from error.faults
    yield from faults_of_contrasts(spec, configs)
    yield from faults_of_own_metrics(spec, configs)


def variant_config(spec: SweepSpec, variant: Variant, seed: int) -> TrainConfig:
    """The config of one trial; raises SpecError naming the variant and the field."""
    where = f"variant {variant.name}"
    _ensure_base(spec.base)
    try:
        partial = _laid_out(spec.base, variant, where)
        return TrainConfig.model_validate(partial | {"seed": seed})
    except ConfigError as error:
        raise SpecError(f"base: {error}") from error
    except ValidationError as error:
        raise SpecError(*explain(error, TrainConfig, lambda path: _owner(path, variant, where))) from error


def variant_partition(spec: SweepSpec, variant: Variant) -> PartitionConfig:
    """Which tokens of an image are a group, of a variant; other than `variant_config` it needs no file. Raises SpecError."""
    where = f"variant {variant.name}"
    try:
        return PartitionConfig.model_validate(_laid_out(spec.base, variant, where).get("partition") or {})
    except ConfigError as error:
        raise SpecError(f"base: {error}") from error
    except ValidationError as error:
        raise SpecError(*explain(error, PartitionConfig, f"{where}: partition.")) from error


def _ensure_base(base: Mapping[str, Any]) -> None:
    """Raises SpecError for what only the base can have: no seed, and names that there are."""
    if "seed" in base:
        raise SpecError("base.seed: a sweep sets the seed of each trial; remove it and list `seeds`")
    for what, known in NAMED.items():
        name = base.get(what)
        if isinstance(name, str) and name not in known:
            raise SpecError(f"base.{what}: there is no {what} {name!r}{nearest(name, known)}")


def _owner(path: str, variant: Variant, where: str) -> str:
    """What stands before a field's path: the variant, where its levels have to do with the field, else the base."""
    varied = any(path.startswith(own) or own.startswith(path) for own in variant.overrides) or not path or "method" in variant.overrides
    return f"{where}: " if varied else "base."


def _laid_out(base: Mapping[str, Any], variant: Variant, where: str) -> dict[str, Any]:
    """The base with the variant's levels over it: its `method` first, in place of the base's own, then its other fields."""
    overrides = dict(variant.overrides)
    method = overrides.pop("method", None)
    if method is None:
        partial = complete(base)
    elif not isinstance(method, str) or method not in METHODS:
        raise SpecError(f"{where}: there is no method {method!r}{nearest(str(method), METHODS)}")
    else:
        partial = lay_method(complete({name: value for name, value in base.items() if name != "method"}), method, base.get("preset"))
    for path, value in overrides.items():
        partial = set_path(partial, path, value, where)
    return partial


def _ensure_searchable(spec: SweepSpec, design: SearchDesign, baseline: TrainConfig) -> None:
    """Every level and every end of a range gives a config, and early stopping has a curve to go by."""
    if spec.objectives[0] != spec.primary:
        raise SpecError(f"design.objectives: the sweep's primary metric, {spec.metric.primary}, is not the first; name it first")
    for variant in design.probes():
        try:
            ensure_measured(spec.metric.primary, [(variant, variant_config(spec, variant, spec.seeds[0]))])
        except SpecError as error:
            raise SpecError(f"design.space: {error}; or narrow a range, or keep the factor out there with `when`") from error
    if design.stopping is None:
        return
    if spec.metric.primary not in ON_CURVES:
        raise SpecError(
            f"design.stopping goes by the training curve, which {spec.metric.primary} has not; stop by {' or '.join(ON_CURVES)} as"
            " metric.primary, or remove `stopping`"
        )
    every, first = baseline.held_out_every, design.stopping.first_step
    if every is None or every > first or first >= baseline.steps:
        raise SpecError(
            f"design.stopping.first_step is {first:,}, base.held_out_every {'not set' if every is None else f'{every:,}'} and base.steps"
            f" {baseline.steps:,}: trials are stopped at points of that curve; set base.held_out_every to at most first_step, and that"
            " below base.steps"
        )


def version_of(spec: SweepSpec, configs: Sequence[tuple[Variant, TrainConfig]]) -> str:
    """Short hash of everything the spec says and means.

    The order of the variants counts: factors that change places rename them. So do their configs: a preset may change with a release.
    """
    meant = [[variant.name, _meaning(config)] for variant, config in configs]
    whole = spec.report is not None and spec.report.names_version
    plain = spec.model_dump(mode="json", exclude={"keep": True, "report": {"published"} if whole else True})
    younger = [(plain, "analysis"), (plain["metric"], "planning_cv")]  # than stored versions, which did not have them
    younger += [(contrast, name) for contrast in plain["contrasts"] for name in ("metric", "smallest_effect")]
    for section, name in younger:
        if section[name] is None:
            del section[name]
    whole_meaning = [plain, meant]
    return hashlib.sha256(json.dumps(whole_meaning, sort_keys=True).encode()).hexdigest()[:12]


def _meaning(config: TrainConfig) -> dict[str, Any]:
    """A config without the places of its files, which are known by their content."""
    meant = config.model_dump(mode="json", exclude=UNNAMED)
    if meant["data"]["train_images"] is None:
        del meant["data"]["train_images"]  # younger than stored versions, which trained on all
    if meant["evaluation"]["classifier"] == {"kind": "trained"}:
        del meant["evaluation"]["classifier"]  # likewise
    if meant["data"].get("shift") == 0:
        del meant["data"]["shift"]
    if not config.evaluation.guidance.best_of:
        for name in ("best_of", "seed", "by"):
            del meant["evaluation"]["guidance"][name]  # likewise
    for name, implied in (("autoencoder", None), ("reference_hash", ""), ("labels", "balanced")):
        if meant["evaluation"][name] == implied:
            del meant["evaluation"][name]  # likewise
    if not config.evaluation.analyses:
        del meant["evaluation"]["analyses"]  # likewise
    if not meant["evaluation"]["sampler"]["source_hash"]:
        del meant["evaluation"]["sampler"]["source_hash"]  # likewise
    if not meant["evaluation"]["own_metrics"]:
        del meant["evaluation"]["own_metrics"]  # likewise
    return meant
