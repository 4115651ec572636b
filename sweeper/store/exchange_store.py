"""Taking sweeps and trials, as plain data, into a store."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from sweeper.store import importing
from sweeper.store.exchange_format import AnalysisPart, TrialPart, VersionPart, WeightsPart
from sweeper.store.importing import Taken
from sweeper.store.results_reader import IsDead
from sweeper.store.sync_store import SyncStore


class ExchangeStore(SyncStore):
    """What is taken in goes in whole, in one transaction, or not at all."""

    @contextmanager
    def taking_in(self, is_dead: IsDead) -> Iterator["TakingIn"]:
        """Files are moved to where they belong inside the block, before it commits, so that nobody begins an attempt meanwhile.

        Outbox: "sweep" for versions and "link" for trials that are new or have something new.
        """
        with self._database.writing() as session:
            taking = TakingIn(session, is_dead)
            yield taking
            importing.queue_links(session, taking.taken.touched)

    def catch_up(self, part: TrialPart, is_dead: IsDead) -> None:
        """What an attempt reported while its driver could not write it, as `part` has it; nothing while somebody runs the attempt.

        Outbox: "link", where there is something new.
        """
        with self._database.writing() as session:
            if importing.catch_up(session, part, is_dead):
                importing.queue_links(session, [part.fingerprint])


@dataclass(frozen=True)
class TakingIn:
    """One transaction."""

    session: Session
    is_dead: IsDead
    taken: Taken = field(default_factory=Taken)

    def versions(self, versions: Iterable[VersionPart], configs: Mapping[str, Mapping[str, Any]]) -> None:
        """See `importing.take_versions`."""
        importing.take_versions(self.session, versions, configs, self.taken)

    def trial(self, part: TrialPart, number_of: Callable[[str, int, int], int]) -> None:
        """See `importing.take_trial`."""
        importing.take_trial(self.session, part, self.is_dead, number_of, self.taken)

    def weights(self, part: WeightsPart) -> None:
        """See `importing.take_weights`."""
        importing.take_weights(self.session, part, self.taken)

    def analysis(self, part: AnalysisPart) -> None:
        """See `importing.take_analysis`."""
        importing.take_analysis(self.session, part, self.taken)

    def put_back(self, part: TrialPart) -> None:
        """See `importing.put_back_trial`."""
        importing.put_back_trial(self.session, part, self.taken)
