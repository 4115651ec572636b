"""The way in: a sweep file, a profile and overrides become one checked `LoadedSweep`, or one clear message."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from model.config import EXTRA_METRICS, TrainConfig
from model.errors import ConfigError
from model.presets import METHODS, PRESETS, complete, lay_method
from sweeper.errors import SpecError, nearest
from sweeper.metrics import is_distance
from sweeper.records import Variant
from sweeper.spec.claims import ensure_answerable
from sweeper.spec.designs import contrast_weights, ensure_template_fits, variants_of
from sweeper.spec.explaining import explain
from sweeper.spec.reading import DEFAULT_PROFILE, apply_overrides, apply_profile, read_mapping, set_path
from sweeper.spec.section import twice
from sweeper.spec.sweep_spec import SweepSpec

NAMED = {"preset": PRESETS, "method": METHODS}
"""What `base` may begin with, by name."""
UNNAMED: dict[str, Any] = {"data": {"path"}, "alignment": {"encoder": {"weights"}}, "evaluation": {"extractor": {"weights"}}}
"""Places of files, which are known by their content."""
MAX_WEIGHED = 1_000_000
"""Contrasts times variants: each contrast looks at every variant, in planning and in a report. So many take half a minute."""
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


def load_sweep(path: Path, *, profile: str | None = None, overrides: Sequence[str] = ()) -> LoadedSweep:
    """Raises SpecError with the place and the remedy; reads no data set and starts nothing."""
    return sweep_from(read_mapping(path), str(path), profile=profile, overrides=overrides)


def sweep_from(raw: Mapping[str, Any], place: str, *, profile: str | None = None, overrides: Sequence[str] = ()) -> LoadedSweep:
    """The sweep in a mapping that was read at `place`; raises SpecError."""
    whole = apply_profile(raw, profile, place)
    whole = apply_overrides(whole, overrides, list(SweepSpec.model_fields), [*TrainConfig.model_fields, *NAMED])
    try:
        spec = SweepSpec.model_validate(whole)
    except ValidationError as error:
        raise SpecError(f"{place}: {explain(error, SweepSpec)}") from error
    return check_sweep(spec, profile or DEFAULT_PROFILE, place)


def check_sweep(spec: SweepSpec, profile: str, place: str) -> LoadedSweep:
    """The parts of a sweep against each other."""
    try:
        variants = variants_of(spec)
        if len(variants) * len(spec.seeds) > MAX_TRIALS:
            raise SpecError(f"{len(variants):,} variants x {len(spec.seeds):,} seeds are more than {MAX_TRIALS:,} trials; ask for fewer")
        if len(variants) * len(spec.contrasts) > MAX_WEIGHED:
            raise SpecError(
                f"{len(spec.contrasts):,} contrasts over {len(variants):,} variants are more than {MAX_WEIGHED:,} together; ask for fewer"
            )
        names = [variant.name for variant in variants]
        if repeated := twice(names):
            raise SpecError(f"design: two variants are called {repeated[0]!r}; rename a level")
        if spec.baseline is not None and spec.baseline not in names:
            raise SpecError(f"baseline: there is no variant {spec.baseline!r}{nearest(spec.baseline, names)}")
        for contrast in spec.contrasts:
            ensure_answerable(contrast, contrast_weights(contrast, variants), variants)
        ensure_template_fits(spec.report, variants)
        configs = tuple((variant, variant_config(spec, variant, spec.seeds[0])) for variant in variants)
        _ensure_measured(spec.metric.primary, configs)
    except SpecError as error:
        raise SpecError(f"{place}: {error}") from error
    return LoadedSweep(spec, profile, version_of(spec, configs), place, configs)


def variant_config(spec: SweepSpec, variant: Variant, seed: int) -> TrainConfig:
    """The config of one trial; raises SpecError naming the variant and the field."""
    where = f"variant {variant.name}"
    if "seed" in spec.base:
        raise SpecError("base.seed: a sweep sets the seed of each trial; remove it and list `seeds`")
    for what, known in NAMED.items():
        name = spec.base.get(what)
        if isinstance(name, str) and name not in known:
            raise SpecError(f"base.{what}: there is no {what} {name!r}{nearest(name, known)}")
    try:
        partial = _laid_out(spec.base, variant, where)
        config = TrainConfig.model_validate(partial | {"seed": seed})
    except ConfigError as error:
        raise SpecError(f"base: {error}") from error
    except ValidationError as error:
        loc = ".".join(map(str, error.errors()[0]["loc"]))
        varied = any(loc.startswith(path) or path.startswith(loc) for path in variant.overrides) or not loc or "method" in variant.overrides
        raise SpecError(f"{where}: {explain(error, TrainConfig)}" if varied else explain(error, TrainConfig, "base.")) from error
    location = getattr(config.data, "path", None)
    if location is None:
        return config
    try:
        path = Path(location).expanduser().absolute()  # Ray changes a trial's working directory
    except RuntimeError as error:
        raise SpecError(f"{where}: data.path: {location} begins with a user who has no home here; write the whole path") from error
    return config.model_copy(update={"data": config.data.model_copy(update={"path": path})})


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


def _ensure_measured(primary: str, configs: Sequence[tuple[Variant, TrainConfig]]) -> None:
    for variant, config in configs:
        if primary in EXTRA_METRICS and primary not in config.evaluation.extra_metrics:
            raise SpecError(
                f"metric.primary: {primary} is measured only where it is asked for, and variant {variant.name} does not ask;"
                f" set base.evaluation.extra_metrics: [{primary}]"
            )
        if (is_distance(primary) or primary == "inception_score") and primary not in config.feature_metrics:
            raise SpecError(
                f"metric.primary: {primary} is not measured in variant {variant.name}: its data and evaluation.extractor make"
                f" {' and '.join(config.feature_metrics)}; choose that, or another base.evaluation.extractor"
            )


def version_of(spec: SweepSpec, configs: Sequence[tuple[Variant, TrainConfig]]) -> str:
    """Short hash of everything the spec says and means.

    The order of the variants counts: factors that change places rename them. So do their configs: a preset may change with a release.
    """
    meant = [[variant.name, _meaning(config)] for variant, config in configs]
    whole = spec.report is not None and spec.report.names_version
    said = [spec.model_dump(mode="json", exclude={"report": {"published"}} if whole else {"report"}), meant]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]


def _meaning(config: TrainConfig) -> dict[str, Any]:
    """A config without the places of its files, which are known by their content."""
    return config.model_dump(mode="json", exclude=UNNAMED)
