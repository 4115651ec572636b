"""What a command says of events that trackers have yet to receive."""

from collections.abc import Iterator, Mapping

from sweeper.settings import MLFLOW
from sweeper.tracking.registry import title_of


def waiting_events(backlogs: Mapping[str, int]) -> Iterator[str]:
    """A line for each tracker that lacks something, with what sends it."""
    for name, rows in backlogs.items():
        sends = "the next run, or `sweeper mlflow sync`," if name == MLFLOW else "the next run"
        yield f"{rows:,} event{'' if rows == 1 else 's'} not in {title_of(name)} yet; {sends} sends {'it' if rows == 1 else 'them'}"
