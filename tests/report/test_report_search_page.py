"""The page of a search in a browser: its plots, its dotted random search, and the table of trials below them."""

import dataclasses
import re
from pathlib import Path

import pytest
from chromium import chromium

from sweeper.report.build import build_report
from sweeper.report.page import build_page
from sweeper.report.render.html import render_html, vega_bundle
from sweeper.spec.factors import Level
from tests.search.small_search import snapshot_of, spec_of

CHOICES: list[dict[str, Level]] = [
    {"weight": weight, "layer": layer, "ratio": 0.3, "separation": "full"} for weight, layer in ((1.0, 1), (2.0, 3), (0.5, 2), (0.6, 2))
]


@pytest.fixture(scope="module")
def text() -> str:
    snapshot, curves = snapshot_of(spec_of()[0], list(CHOICES), {1: 20})
    at_random, _ = snapshot_of(spec_of(sampler="random")[0], list(reversed(CHOICES)))
    report = build_report(snapshot, curves=curves, importances={"layer": 0.75}, random=dataclasses.replace(at_random, version="random"))
    return render_html(build_page(snapshot, curves, report), vega_bundle())


def test_every_identifier_of_the_page_stands_once(text: str) -> None:
    """A figure and a form field of one name, and the page's script finds the wrong one."""
    found = re.findall(r'\sid="([^"]+)"', text.partition("<script")[0])
    assert sorted(found) == sorted(set(found))
    assert {"search", "trial-search"} <= set(found)


def test_it_works_in_a_browser(text: str, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(text, encoding="utf-8")
    with chromium(tmp_path / "profile") as browser:
        browser.look(file, 1280)
        assert browser.complaints() == []
        drawn = browser.value("[...document.querySelectorAll('[data-figure]')].filter(e => e.dataset.drawn > 0).map(e => e.dataset.figure)")
        assert drawn[:3] == ["search", "slices", "parallel"]
        dashes = (
            "[...document.querySelectorAll('[data-figure=search] svg path[stroke-dasharray]')].map(e => e.getAttribute('stroke-dasharray'))"
        )
        assert "2,3" in browser.value(dashes)
        assert browser.value("document.getElementById('trial-count').textContent") == "4 trials"
