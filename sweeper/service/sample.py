"""What is done with the weights of a stored trial: find it, its config and its newest moving average; draw from it, or write it out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from model.config import TrainConfig, modules_also_in
from model.errors import ModelError
from model.export_trial import export_weights
from model.sample_trial import Drawing, Subject, newest_average, sample_trial
from sweeper.errors import RequestError
from sweeper.service.open_store import store_with_results
from sweeper.service.variant_configs import at_chosen_guidance
from sweeper.settings import Settings
from sweeper.trial_folder import attempt_folder


def sample_of(trial: str, drawing: Drawing, settings: Settings, say: Callable[[str], None]) -> None:
    """Draws from the trial whose name begins with `trial`; `say` gets a line per block of samples and per file.

    Raises RequestError when there is no such trial, when it has no moving average here, and when the drawing cannot be done.
    """
    found = _trained(trial, settings)
    try:
        with modules_also_in([Path.cwd()]):  # where a sampler of the user's may stand
            sample_trial(Subject.of_trial(found.config, found.folders), found.average, drawing, say)
    except (ModelError, OSError) as error:
        raise RequestError(str(error)) from error


def export_weights_of(trial: str, family: str, output: Path | None, settings: Settings, say: Callable[[str], None]) -> None:
    """Writes the newest moving average of the trial whose name begins with `trial` for the code of `family`; `say` gets lines.

    Without `output`: a torch file in the current folder, named for trial and family.

    Raises RequestError when there is no such trial, when it has no moving average here, and when the family cannot have it.
    """
    found = _trained(trial, settings)
    try:
        subject = Subject.of_trial(found.config, found.folders)
        export_weights(subject, found.average, family, output or Path(f"{found.fingerprint[:8]}-{family}.pt"), say)
    except (ModelError, OSError) as error:
        raise RequestError(str(error)) from error


@dataclass(frozen=True)
class _Trained:
    fingerprint: str
    config: TrainConfig
    """At the guidance that its newest evaluation chose, if it chose any."""
    average: Path
    """The newest moving average."""
    folders: list[Path]
    """Of its attempts, newest first."""


def _trained(trial: str, settings: Settings) -> _Trained:
    """The trial whose name begins so."""
    with store_with_results(settings) as store:
        history = store.history(store.find_trial(trial))
    folder = settings.trials / history.fingerprint
    folders = [attempt_folder(folder, attempt.number) for attempt in reversed(history.attempts)]
    average = newest_average(folders)
    if average is None:
        raise RequestError(
            f"trial {history.fingerprint[:8]} has no moving average in {folder}: it is written when a trial is evaluated,"
            " and may have been deleted since; let its sweep finish, or ask on the machine that trained it"
        )
    config = at_chosen_guidance(TrainConfig.model_validate(history.config), history.details)
    return _Trained(history.fingerprint, config, average, folders)
