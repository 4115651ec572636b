"""The table of weights that were measured here, and a set of published figures below it: apart, each under its protocol."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from sweeper.metrics import columns
from sweeper.report.protocol_words import badge_of, choice_words
from sweeper.report.published_sets import published_set
from sweeper.report.render import wording
from sweeper.report.render.report_tables import number_cell, published_table
from sweeper.report.render.table import Cell, Column, Row, Table, text_cell


def evaluated_table(name: str, metrics: Mapping[str, float], protocol: Mapping[str, Any], details: Mapping[str, Any]) -> Table:
    """One row. `protocol` and `details`: as `model.evaluate_weights` says them."""
    found = columns(set(metrics))
    headings = [Column(wording.metric_heading(metric), kind="number") for metric in found]
    values = [number_cell(metrics[metric.name], None, metric.decimals) for metric in found]
    badge = Cell(badge_of(protocol, details["reference"]), joiner=" · ", badge=True)
    about = [f"weights {protocol['weights']}; {protocol['precision']} on {protocol['device']}; torch {protocol['torch']}"]
    if (chosen := choice_words(details)) is not None:
        about.append(chosen)
    row = Row((text_cell(name), *values, badge))
    return Table("Measured here", (Column("weights"), *headings, Column("protocol")), (row,), stub=1, details=((name, tuple(about)),))


def below(name: str) -> Table:
    """A published set; raises RequestError where there is none of that name."""
    table = published_table(published_set(name, asked_by="--beside"))
    return dataclasses.replace(table, title=f"Published figures, under their own protocol: {name}")
