"""A tracker of one's own: every event a line of JSON in SWEEPER_HOME/events.jsonl."""

import dataclasses
import json
import os
from collections.abc import Sequence

from sweeper.errors import RequestError
from sweeper.tracking.outbox_events import Event, LinkEvent
from sweeper.tracking.tracker import Tracker, TrackerContext


class JsonLines(Tracker):
    def __init__(self, context: TrackerContext) -> None:
        self.source = context.source
        self.path = context.settings.root / "events.jsonl"
        self.lines: list[str] = []

    def apply(self, events: Sequence[Event]) -> None:
        for event in events:
            line = {"event": type(event).__name__, **dataclasses.asdict(event)}
            if isinstance(event, LinkEvent):
                try:
                    history = self.source.shown(event.fingerprint, event.name, event.profile)
                except RequestError:
                    continue  # deleted since
                line["history"] = dataclasses.asdict(history)
            self.lines.append(json.dumps(line, default=str) + "\n")

    def flush(self) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(self.lines)
            file.flush()
            os.fsync(file.fileno())
        self.lines.clear()
