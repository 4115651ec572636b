"""What the trials' folders hold at this moment: the store knows what was written, not what is still there."""

from collections.abc import Mapping
from typing import Any

from model.train_trial import first_usable
from sweeper.plan.reconcile import GoesOnFrom, agrees
from sweeper.records import KnownTrial
from sweeper.settings import Settings
from sweeper.trial_folder import attempt_folder

MOST_STEPS = 10**15
"""More than any trial has."""


def kept_in(settings: Settings) -> GoesOnFrom:
    """Looks where an attempt that began here would look, in the same order."""

    def goes_on_from(known: KnownTrial, steps: int, key: Mapping[str, Any]) -> int:
        folder = settings.trials / known.fingerprint
        earlier = {attempt_folder(folder, one.number): one.recorded for one in known.earlier if agrees(one.comparability, key)}
        found = first_usable(earlier, steps, earlier)
        return found.step if found is not None else 0

    return goes_on_from


def furthest_in(settings: Settings, known: KnownTrial) -> int:
    """The furthest step that any attempt could go on from here, whatever its length and conditions; 0 for none."""
    return kept_in(settings)(known, MOST_STEPS, {})
