"""Keeping of a trial's state what it needs (see `plan.retention`), while it runs and when it has ended."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from sweeper.errors import StoreLost
from sweeper.liveness import is_dead
from sweeper.plan.retention import superfluous
from sweeper.removal import leftovers, put_aside, put_back, remove
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore
from sweeper.trial_folder import attempt_folders


@dataclass(frozen=True)
class Retention:
    """For the attempts that a driver holds. What cannot be removed now stays, and `sweeper prune` finds it: no run ends for that."""

    store: ResultsStore
    settings: Settings

    def checkpointed(self, fingerprint: str, number: int) -> None:
        """The running attempt of this number, which is ours, has reported a whole checkpoint to the store: earlier ones keep less."""
        folders = attempt_folders(self.settings.trials / fingerprint)
        if number == 1 or not any(_holds_state(folder) for other, folder in folders.items() if other != number):
            return
        with contextlib.suppress(OSError, StoreLost):
            (use,) = self.store.uses([fingerprint])
            earlier = {other: folder for other, folder in folders.items() if other <= number}
            remove([file.path for file in superfluous(use, earlier, spare={number})])
            remove(path for path in leftovers(self.settings.trials / fingerprint) if path.parent != folders.get(number))

    def ended(self, fingerprint: str) -> None:
        """The attempt has ended, and the store knows it: unless another one runs by now."""
        aside: list[tuple[Path, Path]] = []
        try:
            with self.store.idle(fingerprint, is_dead) as use:
                if use is not None:
                    aside = put_aside(file.path for file in superfluous(use, attempt_folders(self.settings.trials / fingerprint)))
        except (OSError, StoreLost):
            put_back(aside)
            return
        remove(beside for _, beside in aside)


def _holds_state(folder: Path) -> bool:
    return any(folder.glob("checkpoint-*")) or any(folder.glob("*.writing"))
