"""Whether MLflow still knows what it was told, or was restarted empty or from an older copy.

Each delivery is counted, in MLflow by a tag of an experiment and then in the source, together with the rows that leave it. So an MLflow
that knows all has the source's count, or the next one where a crash came between the two. The name of the tag is random, and new for
each retelling: no other source, and no older copy of this one, counts under it.
"""

import logging
import secrets
from collections.abc import Sequence

from sweeper.tracking.failures import Doubtful, Refused
from sweeper.tracking.mlflow_client import QuietClient
from sweeper.tracking.sync_source import SyncSource

_log = logging.getLogger(__name__)


class DeliveryMark:
    """Compares and advances the counts of both sides; a mark is `name:count`. A server that takes no such tag is told as it comes."""

    def __init__(self, client: QuietClient, source: SyncSource, pages: bool) -> None:
        self._client, self._source, self._pages = client, source, pages
        self._kept = ""

    def requeued(self) -> bool:
        """Have all told again if MLflow lacks anything that was delivered; whether it was needed. Call it before every delivery."""
        self._kept = self._source.mark()
        if self._kept and self._is_known():
            return False
        fresh = f"{secrets.token_hex(4)}:0"
        again = self._source.requeue_all(pages=self._pages, mark=fresh)
        if again:
            _log.warning("MLflow lacks what it was told, or was told by an older version: %d rows tell it all again", again)
        self._kept = fresh
        return True

    def deliver(self, ids: Sequence[int]) -> None:
        """These rows are in MLflow now."""
        if not ids:
            return
        tag, count = _read(self._kept)
        following = count + 1
        try:
            tagged = self._client.tag_experiment(tag, str(following))
        except (Refused, Doubtful) as error:
            _log.debug("MLflow does not take a mark: %s", error)
            tagged = False
        after = f"{self._kept.partition(':')[0]}:{following}"
        self._source.delivered(ids, mark=(self._kept, after) if tagged else None)
        self._kept = after if tagged else self._kept

    def _is_known(self) -> bool:
        tag, count = _read(self._kept)
        if count == 0:
            return True  # all was put into the outbox again, and nothing of it was delivered yet
        try:
            seen = self._client.experiment_tags(tag)
        except (Refused, Doubtful) as error:
            _log.debug("MLflow shows no mark: %s", error)
            return True
        return max((int(value) for value in seen if value.isdecimal()), default=0) in (count, count + 1)


def _read(mark: str) -> tuple[str, int]:
    """The tag and the count."""
    name, _, count = mark.partition(":")
    return f"sweeper.told.{name}", int(count)
