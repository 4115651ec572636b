"""Draw from a stored trial: find it, its config and its newest moving average."""

from collections.abc import Callable

from model.config import TrainConfig
from model.errors import ModelError
from model.sample_trial import Drawing, Subject, newest_average, sample_trial
from sweeper.errors import RequestError
from sweeper.execution.attempt_folders import attempt_folder
from sweeper.service.opening import store_with_results
from sweeper.settings import Settings


def sample_of(trial: str, drawing: Drawing, settings: Settings, say: Callable[[str], None]) -> None:
    """Draws from the trial whose name begins with `trial`; `say` gets a line per block of samples and per file.

    Raises RequestError when there is no such trial, when it has no moving average here, and when the drawing cannot be done.
    """
    with store_with_results(settings) as store:
        history = store.history(store.find_trial(trial))
    folder = settings.trials / history.fingerprint
    average = newest_average(attempt_folder(folder, attempt.number) for attempt in reversed(history.attempts))
    if average is None:
        raise RequestError(
            f"trial {history.fingerprint[:8]} has no moving average in {folder}: it is written when a trial is evaluated;"
            " let its sweep finish, or ask on the machine that trained it"
        )
    try:
        sample_trial(Subject.of_trial(TrainConfig.model_validate(history.config)), average, drawing, say)
    except (ModelError, OSError) as error:
        raise RequestError(str(error)) from error
