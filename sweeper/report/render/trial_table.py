"""The trials of a page as data that its script draws from: columns of cells, each as short as it can be.

A page with a row of HTML per trial grows by three kilobytes a trial, and a browser takes a minute for a hundred thousand.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os.path import commonprefix
from typing import Any

from sweeper.metrics import MetricInfo
from sweeper.report import numbers
from sweeper.report.page import TrialLine
from sweeper.report.render import wording
from sweeper.states import TRIAL_STATES
from sweeper.visible import one_line

MOST_BYTES = 1_300_000
"""Of all cells: some ten thousand trials of twenty metrics."""
_BY_VALUE = ("trial",)
"""Columns whose cells are all different, so that a list of those that there are would save nothing."""


@dataclass(frozen=True)
class TrialData:
    """Trials for a page's script.

    Attributes:
        content: JSON-ready. `columns`: each with `label`, whether it is a `number`, and `cells`: texts joined by spaces, or places in the
            list `of`. `links`: addresses of MLflow runs without the beginning `link`, "" where there is none.
        shown: How many trials are in it.
        left_out: How many are not: those that run or went wrong come first, then those with a result.
        linked: Whether any has an address.
    """

    content: dict[str, Any]
    shown: int
    left_out: int
    linked: bool


def trial_data(trials: Sequence[TrialLine], metrics: Sequence[MetricInfo], most_bytes: int = MOST_BYTES) -> TrialData:
    """In the order that is given, as many as `most_bytes` of text hold."""
    labels = ["trial", "variant", "seed", "state", "step", "attempts", *(wording.metric_heading(metric) for metric in metrics), "error"]
    cells: dict[int, list[str]] = {}
    left = most_bytes
    for place in sorted(range(len(trials)), key=lambda place: (_rank(trials[place]), place)):
        row = list(_cells(trials[place], metrics))
        left -= sum(map(len, row)) + len(row) + len(trials[place].link or "")
        if left < 0:
            break
        cells[place] = row
    places = sorted(cells)
    addresses = [_address(trials[place]) for place in places]
    alike = commonprefix([address for address in addresses if address])  # noqa: RUF071  # of texts, not of paths
    link = alike[: alike.rfind("/") + 1]
    columns = zip(labels, zip(*(cells[place] for place in places), strict=True) if places else [()] * len(labels), strict=True)
    content = {
        "columns": [_column(label, column, position >= 6 and label != "error") for position, (label, column) in enumerate(columns)],
        "link": link,
        "links": [address.removeprefix(link) for address in addresses] if any(addresses) else [],
    }
    return TrialData(content, len(places), len(trials) - len(places), any(addresses))


def _rank(trial: TrialLine) -> int:
    about = TRIAL_STATES[trial.state]
    return 0 if about.is_active or about.is_failure else 1 if about.has_result else 2


def _cells(trial: TrialLine, metrics: Sequence[MetricInfo]) -> Iterator[str]:
    yield trial.fingerprint[:8]
    yield one_line(trial.variant)
    yield str(trial.seed)
    yield trial.state
    yield f"{trial.step:,}/{trial.steps:,}"
    yield str(trial.attempts)
    for metric in metrics:
        yield numbers.fixed(trial.metrics.get(metric.name), metric.decimals)
    yield one_line(trial.error or "")


def _address(trial: TrialLine) -> str:
    return trial.link if trial.link is not None and trial.link.startswith(("https://", "http://")) else ""


def _column(label: str, cells: Sequence[str], measured: bool) -> dict[str, Any]:
    number = measured or label in ("seed", "step", "attempts")
    if measured or (label in _BY_VALUE and not any(" " in cell or not cell for cell in cells)):
        return {"label": label, "number": number, "cells": " ".join(cells)}
    of = list(dict.fromkeys(cells))
    place = {text: index for index, text in enumerate(of)}
    return {"label": label, "number": number, "of": of, "cells": [place[cell] for cell in cells]}
