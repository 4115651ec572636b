"""A copy of a search in Optuna's own storage, for optuna-dashboard and a user's own code.

Nothing reads it back: losing it loses nothing.
"""

from collections.abc import Sequence
from typing import Self

import optuna
from filelock import FileLock
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial

from sweeper.metrics import MetricInfo
from sweeper.plan.proposals import Proposal
from sweeper.search.study import as_optuna_trial, directions, distributions, quiet
from sweeper.spec.search_design import SearchDesign


class OptunaCopy:
    """The study `name` in the storage at a SQLAlchemy URL, which is made where there is none; one process of a machine writes at a time."""

    def __init__(self, url: str, name: str, design: SearchDesign, objectives: Sequence[MetricInfo], lock: str) -> None:
        self._lock = FileLock(lock)
        self._name, self._space, self._objectives = name, distributions(design), objectives
        with self._lock:
            self._storage = RDBStorage(url)

    def write(self, proposals: Sequence[Proposal]) -> int:
        """Adds the ended ones of all proposals that the study lacks, and makes it anew where it says something else; returns how many."""
        ended = {one.variant: as_optuna_trial(self._space, self._objectives, one) for one in proposals if one.state != "open"}
        with self._lock:
            study = self._study()
            trials = study.get_trials(deepcopy=False)
            there = {trial.user_attrs.get("variant", ""): trial for trial in trials}
            if len(there) < len(trials) or any(name not in ended or not _same(trial, ended[name]) for name, trial in there.items()):
                optuna.delete_study(study_name=self._name, storage=self._storage)
                study, there = self._study(), {}
            missing = [trial for variant, trial in ended.items() if variant not in there]
            study.add_trials(missing)
        return len(missing)

    def close(self) -> None:
        self._storage.remove_session()
        self._storage.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _study(self) -> optuna.Study:
        study = optuna.create_study(
            storage=self._storage, study_name=self._name, directions=directions(self._objectives), load_if_exists=True
        )
        with quiet():
            study.set_metric_names([metric.name for metric in self._objectives])
        return study


def _same(one: FrozenTrial, other: FrozenTrial) -> bool:
    return (one.state, one.values, one.params) == (other.state, other.values, other.params)
