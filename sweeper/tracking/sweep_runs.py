"""Which MLflow runs stand for a sweep and for its trials: found by their tags, created once, remembered."""

from collections.abc import Mapping
from typing import NamedTuple

from sweeper.tracking.mlflow_client import QuietClient

PARENT_ORDER = ("RUNNING", "SCHEDULED", "KILLED", "FAILED", "FINISHED")
"""A parent has the first of these statuses that one of its children has."""

WHOLE = {"sweeper.whole": "yes"}
"""Written last: a child run without it was being built when something went wrong."""


class SweepKey(NamedTuple):
    """A sweep, as `SyncSource.links` names it."""

    name: str
    profile: str


class SweepRuns:
    """One experiment per sweep name, one parent run per (name, profile), one child run per (sweep, trial).

    Ids are cached; `forget` makes the next call look again, for when MLflow no longer knows them.
    """

    def __init__(self, client: QuietClient) -> None:
        self._client = client
        self._experiments: dict[str, str] = {}
        self._runs: dict[tuple[str, ...], str] = {}
        self._listed: set[SweepKey] = set()
        """Sweeps of which every child run is remembered: one that is not has no run."""

    def forget(self) -> None:
        """Trust no remembered id."""
        self._experiments.clear()
        self._runs.clear()
        self._listed.clear()

    def list_trials(self, sweep: SweepKey) -> None:
        """Remember every child run of the sweep that there is, in a request per thousand: for when many are asked for."""
        if sweep in self._listed:
            return
        kind = {"sweeper.kind": "trial", "sweeper.profile": sweep.profile}
        for fingerprint, (run_id, tags) in self._client.runs_of(self._experiment(sweep), kind, "sweeper.trial").items():
            self._runs[_trial_key(sweep, fingerprint, False)] = run_id
            if all(tags.get(name) == value for name, value in WHOLE.items()):
                self._runs[_trial_key(sweep, fingerprint, True)] = run_id
        self._listed.add(sweep)

    def sweep(self, sweep: SweepKey) -> str:
        """Run id of the sweep's parent run, created when it is not there."""
        experiment = self._experiment(sweep)
        known = self._runs.get(sweep)
        if known is None:
            tags = {"sweeper.kind": "sweep", "sweeper.profile": sweep.profile}
            known = self._client.find_run(experiment, tags)
            if known is None:
                known = self._client.create_run(experiment, sweep_title(sweep), tags)
                self._client.set_status(known, "SCHEDULED", None)
            self._runs[sweep] = known
        return known

    def trial(self, sweep: SweepKey, fingerprint: str, *, whole: bool) -> str | None:
        """Run id of the trial's child run in this sweep; None when there is none, or none that is `whole` where that is asked for."""
        known = self._runs.get(_trial_key(sweep, fingerprint, whole))
        if known is None and sweep not in self._listed:
            tags = _trial_tags(sweep, fingerprint) | (WHOLE if whole else {})
            known = self._client.find_run(self._experiment(sweep), tags)
            if known is not None:
                self._runs[_trial_key(sweep, fingerprint, whole)] = known
        return known

    def create_trial(self, sweep: SweepKey, fingerprint: str, title: str, about: Mapping[str, object]) -> str:
        """A child run for a trial that has none in this sweep, with tags `about` it; it is not whole yet."""
        tags = {**about, **_trial_tags(sweep, fingerprint), "mlflow.parentRunId": self.sweep(sweep)}
        created = self._client.create_run(self._experiment(sweep), title, tags)
        self._runs[_trial_key(sweep, fingerprint, False)] = created
        return created

    def is_whole(self, sweep: SweepKey, fingerprint: str, run_id: str) -> None:
        """The child run holds all that happened before now, and bears WHOLE, so that adding events keeps it complete."""
        self._runs[_trial_key(sweep, fingerprint, True)] = run_id

    def settle(self, sweep: SweepKey, end_ms: int) -> None:
        """Give the parent run the status that its children call for, as MLflow knows them; `end_ms` if that ends it."""
        parent, experiment = self.sweep(sweep), self._experiment(sweep)
        status = next((status for status in PARENT_ORDER if self._client.has_child(experiment, parent, status)), "SCHEDULED")
        self._client.set_status(parent, status, end_ms)

    def delete(self, sweep: SweepKey) -> None:
        """Delete the sweep's runs, of its trials first. MLflow keeps deleted runs, but a sweep of this name is begun with new ones."""
        experiment = self._experiment(sweep)
        profile = {"sweeper.profile": sweep.profile}
        for kind in ("trial", "sweep"):
            for run_id in self._client.find_runs(experiment, {"sweeper.kind": kind} | profile):
                self._client.delete_run(run_id, {"sweeper.kind": f"deleted {kind}"})  # so that no search finds it and restores it
        self.forget()

    def _experiment(self, sweep: SweepKey) -> str:
        if sweep.name not in self._experiments:
            self._experiments[sweep.name] = self._client.experiment(sweep.name)
        return self._experiments[sweep.name]


def sweep_title(sweep: SweepKey) -> str:
    """The name people see on a parent run."""
    return sweep.name if sweep.profile == "default" else f"{sweep.name} ({sweep.profile})"


def _trial_key(sweep: SweepKey, fingerprint: str, whole: bool) -> tuple[str, ...]:
    return (*sweep, fingerprint, str(whole))


def _trial_tags(sweep: SweepKey, fingerprint: str) -> dict[str, str]:
    return {"sweeper.kind": "trial", "sweeper.trial": fingerprint, "sweeper.profile": sweep.profile}
