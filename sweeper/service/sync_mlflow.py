"""Send everything to MLflow once more, from the store alone."""

from collections.abc import Callable

from sweeper.errors import RequestError
from sweeper.liveness import is_dead, this_process
from sweeper.service.open_store import existing_store_to_write
from sweeper.settings import MLFLOW, Settings

PATIENCE_SECONDS = 30.0
"""MLflow counts as away when it took nothing for so long."""


def sync_mlflow(settings: Settings, say: Callable[[str], None]) -> None:
    """Rebuilds in MLflow what it lacks, as runs deliver it; what is there already stays as it is, no run comes twice.

    Raises RequestError where nothing was ever run, and when MLflow is away: then its rows wait in the store.
    """
    from sweeper.service.trackers import open_delivery
    from sweeper.tracking.sync_loop import run_sync

    with existing_store_to_write(settings) as store:
        store.register_tracker(MLFLOW)
        delivery, source = open_delivery(store, settings, MLFLOW)
        source.requeue_all(pages=settings.mlflow_pages)
        left = all_rows = source.backlog()
        while left:
            say(f"{all_rows - left:,} of {all_rows:,} events sent to MLflow")
            before = left
            left = run_sync(delivery, source, owner=this_process(), stop=lambda: True, is_dead=is_dead, flush_s=PATIENCE_SECONDS)
            if left >= before:
                raise RequestError(
                    f"MLflow takes nothing ({delivery.away or 'another process delivers, and does not get on'}); {left:,} events wait in"
                    " the store: fix SWEEPER_MLFLOW_URI or its server, and run the same command again"
                )
        say(f"MLflow has all of it ({all_rows:,} events)")
        if delivery.refused:
            say(f"it turned {delivery.refused:,} of them down for good; they are in the store alone")
