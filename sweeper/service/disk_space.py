"""Whether the disk holds what a sweep needs."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from model.train_trial import state_files
from sweeper.plan.cost import DiskNeed, bytes_in_words
from sweeper.service.plan_sweep import PlannedSweep
from sweeper.settings import Settings
from sweeper.trial_folder import attempt_folders


@dataclass(frozen=True)
class DiskSpace:
    """A sweep's need beside what there is."""

    need: DiskNeed
    there: int
    """Bytes that its trials have on disk already."""
    free: int | None
    """Bytes; None where the file system does not say."""
    place: Path

    @property
    def missing(self) -> int:
        """Bytes that are lacking; 0 where there is enough, and where nobody knows."""
        return 0 if self.free is None else max(self.need.meanwhile - self.there - self.free, 0)

    def warning(self) -> str | None:
        """What to do where there is not enough."""
        if not self.missing:
            return None
        return (
            f"NOT ENOUGH SPACE in {self.place}: {bytes_in_words(self.missing)} are lacking; free some (`sweeper prune` shows what nobody"
            " needs), keep less (keep: average), or set SWEEPER_HOME to a larger disk"
        )


def disk_space(planned: PlannedSweep, settings: Settings) -> DiskSpace:
    """As it is now; a look, which makes no folder."""
    there = 0
    for fingerprint in {decision.trial.fingerprint for decision in planned.plan.to_run() if decision.seen}:
        folders = attempt_folders(settings.trials / fingerprint).values()
        there += sum(file.size for folder in folders for file in state_files(folder))
    place = next(folder for folder in (settings.trials, *settings.trials.parents) if folder.is_dir())
    try:
        free: int | None = shutil.disk_usage(place).free
    except OSError:
        free = None
    return DiskSpace(planned.disk, there, free, place)
