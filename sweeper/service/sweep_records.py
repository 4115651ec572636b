"""What was asked, beside the trials that answer it: a file for each version of a sweep, from which a lost store is made again.

`sweeps/<name and profile>-<version>.json` under SWEEPER_HOME. The configs of a variant's trials differ in their seed alone, and stand there
once.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from model.whole_file import whole_file
from sweeper.errors import RequestError
from sweeper.settings import Settings
from sweeper.store.exchange_format import Json, Name, Part, VersionPart, read_part
from sweeper.store.results_store import ResultsReader


class SweepRecord(Part):
    """One version, and the configs of its trials without their seeds."""

    version: VersionPart
    configs: tuple[Json, ...]
    config_of: dict[Name, int]

    def whole_configs(self) -> dict[str, Mapping[str, Any]]:
        """By fingerprint."""
        seeds = {place.fingerprint: place.seed for place in self.version.trials}
        found: dict[str, Mapping[str, Any]] = {}
        for name, index in self.config_of.items():
            if 0 <= index < len(self.configs) and name in seeds:
                found[name] = {**self.configs[index], "seed": seeds[name]}
        return found


def write_sweep_record(store: ResultsReader, settings: Settings, name: str, profile: str, version: str) -> None:
    """Of a version as the store has it; on a full disk there is none, and the run goes on."""
    found = store.version(name, profile, version)
    if found is None:
        return
    seeds = {place.fingerprint: place.seed for place in found.trials}
    indices: dict[str, int] = {}
    config_of: dict[str, int] = {}
    for fingerprint, config in store.configs(seeds).items():
        if config.get("seed") == seeds[fingerprint]:
            text = json.dumps({key: value for key, value in config.items() if key != "seed"}, sort_keys=True)
            config_of[fingerprint] = indices.setdefault(text, len(indices))
    record = SweepRecord(version=found, configs=tuple(json.loads(text) for text in indices), config_of=config_of)
    path = _folder(settings) / f"{_prefix(name, profile)}-{_safe(version)}.json"
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as beside:
            beside.write_text(record.model_dump_json() + "\n", encoding="utf-8")


def forget_sweep(settings: Settings, name: str, profile: str) -> None:
    """Deletes the files of a sweep that was deleted."""
    for path in _folder(settings).glob(f"{_prefix(name, profile)}-*.json"):
        with contextlib.suppress(OSError):
            path.unlink()


def read_sweep_records(settings: Settings) -> Iterator[SweepRecord | str]:
    """Every version, the oldest first; for a file that cannot be read, what is wrong with it."""
    found: list[SweepRecord] = []
    for path in sorted(_folder(settings).glob("*.json")):
        try:
            found.append(read_part(SweepRecord, path.read_bytes(), str(path)))
        except OSError as error:
            yield f"{path} cannot be read ({error.strerror})"
        except RequestError as error:
            yield str(error)
    yield from sorted(found, key=lambda record: record.version.created)


def _folder(settings: Settings) -> Path:
    return settings.root / "sweeps"


def _prefix(name: str, profile: str) -> str:
    """A name may hold what a file's name may not."""
    return hashlib.sha256(f"{name}\0{profile}".encode()).hexdigest()[:12]


def _safe(version: str) -> str:
    return version if version.isalnum() else hashlib.sha256(version.encode()).hexdigest()[:12]
