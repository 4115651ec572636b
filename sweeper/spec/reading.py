"""From a file's bytes to one mapping: profiles laid over it, and `--set`."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from model.presets import merge
from sweeper.errors import SpecError, nearest
from sweeper.spec.explaining import short
from sweeper.spec.section import NAME
from sweeper.spec.yaml_text import UNPRINTABLE, parse_yaml

MAX_BYTES = 1_000_000
DEFAULT_PROFILE = "default"
LONGEST_PROFILE = 80
EXAMPLE = "sweeps/noise_aug_vs_interaction.yaml"


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; raises SpecError naming the file, the line and the remedy."""
    return mapping_in(parse_yaml(read_text(path), str(path)), path)


def read_text(path: Path) -> str:
    """What is in a sweep file, whatever that is; raises SpecError naming the file and the remedy."""
    if os.path.isdir(path):  # unlike Path.is_dir, also of a name that is too long
        raise SpecError(f"{path} is a directory; give a sweep file, such as {EXAMPLE}")
    if not os.path.exists(path):
        if not os.path.isdir(path.parent):
            raise SpecError(f"there is no file {path}: {path.parent} is no folder; give a sweep file, such as {EXAMPLE}")
        raise SpecError(f"there is no file {path}{nearest(path.name, sorted(p.name for p in path.parent.glob('*.y*ml')))}")
    if not os.path.isfile(path):
        raise SpecError(f"{path} is a pipe, a device or a socket; write the sweep into a file, so that the same command can run it again")
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SpecError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    if len(raw) > MAX_BYTES:
        raise SpecError(f"{path} is longer than the {MAX_BYTES:,} bytes of a sweep file; give a sweep file, such as {EXAMPLE}")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SpecError(f"{path} is not text (byte {error.start} is not UTF-8); give a YAML file") from error


def mapping_in(parsed: Any, path: Path) -> dict[str, Any]:
    """The YAML value of a sweep file as the mapping that it should be; raises SpecError."""
    if parsed is None:
        raise SpecError(f"{path} is empty; start from {EXAMPLE}")
    if not isinstance(parsed, dict):
        raise SpecError(f"{path} holds {short(parsed)}, not `key: value` lines; start from {EXAMPLE}")
    wrong = [key for key in parsed if not isinstance(key, str)]
    if wrong:
        raise SpecError(f"{path}: key {wrong[0]!r} is not a name; write it in quotes or remove it")
    return parsed


def apply_profile(raw: Mapping[str, Any], profile: str | None, place: str) -> dict[str, Any]:
    """The mapping with one of its `profiles` laid over it, and `profiles` taken out."""
    whole = dict(raw)
    profiles = whole.pop("profiles", None) or {}
    if not isinstance(profiles, dict):
        raise SpecError(f"{place}: profiles is a mapping of name: overrides, not {short(profiles)}")
    if odd := [name for name in profiles if not isinstance(name, str) or not re.fullmatch(NAME, name) or len(name) > LONGEST_PROFILE]:
        raise SpecError(f"{place}: profiles: {short(odd[0])} is no name; use letters, digits and _ . + = -, the first a letter or digit")
    if profile is None or profile == DEFAULT_PROFILE:
        return whole
    if profile not in profiles:
        raise SpecError(f"{place} has no profile {profile!r}{nearest(profile, [DEFAULT_PROFILE, *profiles])}")
    overrides = profiles[profile] or {}
    if not isinstance(overrides, dict):
        raise SpecError(f"{place}: profiles.{profile} is a mapping of overrides, not {short(overrides)}")
    return merge(whole, overrides)


def apply_overrides(
    whole: Mapping[str, Any], overrides: Sequence[str], top_level: Sequence[str], config_fields: Sequence[str]
) -> dict[str, Any]:
    """The mapping with every `path.to.field=value` set, values read as YAML."""
    changed = dict(whole)
    for override in overrides:
        path, equals, text = override.partition("=")
        if odd := UNPRINTABLE.search(override):
            raise SpecError(f"--set {override}: the character {odd[0]!r} is no text; leave it out")
        if not equals or not path.strip():
            raise SpecError(f"--set {override}: write path.to.field=value, such as base.steps=400")
        head = path.split(".")[0]
        if head not in top_level:
            hint = f'; did you mean "base.{path}"?' if head in config_fields else nearest(head, top_level)
            raise SpecError(f"--set {override}: the sweep has no field {head!r}{hint}")
        changed = set_path(changed, path, parse_yaml(text, f"--set {override}"), f"--set {override}")
    return changed


def set_path(mapping: Mapping[str, Any], path: str, value: Any, place: str) -> dict[str, Any]:
    """A copy of `mapping` with the value at a dotted path replaced; raises SpecError where the path runs through a plain value."""
    if not all(name.strip() for name in path.split(".")):
        raise SpecError(f"{place}: {path!r} is no dotted path; write names joined by single dots")
    head, _, rest = path.partition(".")
    changed = dict(mapping)
    if not rest:
        changed[head] = value
        return changed
    inner = changed.get(head)
    if inner is not None and not isinstance(inner, Mapping):
        remedy = f"set {head} as a whole" if isinstance(inner, list) else "shorten the path"
        raise SpecError(f"{place}: {head} is {short(inner)}, which has no field {rest!r}; {remedy}")
    changed[head] = set_path(inner or {}, rest, value, place)
    return changed
