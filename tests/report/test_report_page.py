"""The HTML page: its golden text, its size, and what a real browser makes of it."""

import dataclasses
import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import Chromium, chromium
from made_up_analyses import analyses_of, foul_analyses
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from report_snapshots import MakeSnapshot, claims_spec, curves_of, factorial_spec, finished, snapshot_of, unfinished

from sweeper.metrics import metric_info
from sweeper.records import SweepSnapshot
from sweeper.report.build import build_report
from sweeper.report.page import ReportPage, SampleGrid, TrialLine, build_page
from sweeper.report.render.html import render_html, script_json, vega_bundle
from sweeper.report.render.sample_grids import sample_grids
from sweeper.report.render.trial_table import TrialData, trial_data

GOLDEN = Path(__file__).parent / "golden"
LIMIT = 5_000_000
FOUL = "</script><script>window.foul=1</script><img src=x onerror='window.foul=2'>\"' onclick=\"foul\" \x1b[2J\u202e{{ 7*7 }} ${x}"


def page_with(snapshot: SweepSnapshot, **more: Any) -> ReportPage:
    curves = curves_of(snapshot)
    return build_page(snapshot, curves, build_report(snapshot, curves=curves), **more)


def picture(grey: int = 128, columns: int = 10, side: int = 8, gap: int = 2, noted: bool = True) -> bytes:
    """A grid of 8 draws of each label, as an evaluation leaves it."""
    words = PngInfo()
    if noted:
        words.add_text("sweeper:columns", str(columns))
        words.add_text("sweeper:gap", str(gap))
    out = io.BytesIO()
    Image.new("L", (columns * (side + gap) + gap, 8 * (side + gap) + gap), grey).save(out, format="PNG", pnginfo=words)
    return out.getvalue()


@pytest.fixture
def whole(default_sweep: MakeSnapshot) -> ReportPage:
    snapshot = default_sweep(replaced={("dual/full", 2): unfinished("dual/full", 2, "failed")})
    links = {outcome.fingerprint: f"http://127.0.0.1:5000/#/experiments/1/runs/{outcome.fingerprint}" for outcome in snapshot.outcomes}
    grids = [SampleGrid(outcome.variant, outcome.seed, picture(), 10) for outcome in snapshot.outcomes if outcome.state == "finished"]
    return page_with(snapshot, links=links, grids=sorted(grids, key=lambda grid: grid.seed))


@pytest.fixture
def claims(default_sweep: MakeSnapshot) -> ReportPage:
    return page_with(default_sweep(spec=claims_spec(3)))


@pytest.fixture
def beside(default_sweep: MakeSnapshot) -> ReportPage:
    return page_with(default_sweep(spec=factorial_spec(3) | {"report": {"published": ["2607.02508-cells", "2607.02508-systems-256"]}}))


@pytest.fixture
def hostile() -> ReportPage:
    """The same foul text wherever the store may hold text."""
    level = FOUL.replace("/", "")
    spec = {
        "question": FOUL,
        "name": "hostile",
        "base": {},
        "design": {"kind": "factorial", "factors": {"f": {"levels": {level: {}, "other": {}}}}},
        "seeds": 3,
        "metric": {"primary": "fd_digits", "direction": "lower"},
        "contrasts": [{"name": FOUL[:110], "question": FOUL, "of": {"f": level}, "to": {"f": "other"}, "margin": 1.0}],
        "report": {"names": {"fd_digits": FOUL, "other": FOUL}},
    }
    outcomes = [
        finished(name, seed, 10 + i + seed, comparability={"device": FOUL}) for i, name in enumerate((level, "other")) for seed in range(3)
    ]
    outcomes[0] = dataclasses.replace(unfinished(level, 0, "failed"), error=FOUL)
    snapshot = snapshot_of(spec, outcomes, profile=FOUL)
    curves, links = curves_of(snapshot), {outcome.fingerprint: "javascript:window.foul=3" for outcome in outcomes}
    report = build_report(snapshot, curves=curves, analyses=foul_analyses(snapshot, FOUL))
    return build_page(snapshot, curves, report, links=links, left_out=FOUL)


def many(variants: int = 100, seeds: int = 10) -> ReportPage:
    names = [f"variant-{i:03d}" for i in range(variants)]
    spec = factorial_spec(seeds) | {
        "design": {"kind": "variants", "variants": {name: {} for name in names}},
        "baseline": names[0],
        "contrasts": [{"name": f"{name} against the first", "of": name, "to": names[0]} for name in names[1:200]],
    }
    outcomes = [
        dataclasses.replace(finished(name, seed, 10 + i / 7 + seed / 3), fingerprint=f"{i:04x}{seed:04x}" * 8)
        for i, name in enumerate(names)
        for seed in range(seeds)
    ]
    snapshot = snapshot_of(spec, outcomes)
    drawn = dataclasses.replace(snapshot, outcomes=snapshot.outcomes[:1_000])
    curves = curves_of(drawn, tuple(range(10_000, 810_000, 10_000)))
    noise = os.urandom(2_900)
    grids = [SampleGrid(name, seed, noise, 10) for seed in range(3) for name in names]
    return build_page(snapshot, curves, build_report(snapshot, curves=curves), grids=grids)


@pytest.fixture(scope="module")
def bundle() -> str:
    return vega_bundle()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with chromium(tmp_path_factory.mktemp("chromium") / "profile") as opened:
        yield opened


@pytest.fixture
def page(tmp_path: Path, bundle: str) -> Any:
    """Writes a page's page."""

    def write(page: ReportPage) -> Path:
        file = tmp_path / "report.html"
        file.write_text(render_html(page, bundle), encoding="utf-8")
        return file

    return write


@pytest.mark.parametrize("data", ["whole", "claims", "beside", "hostile"])
def test_golden(data: str, request: pytest.FixtureRequest) -> None:
    """Without its style and scripts, which are files of their own."""
    text = re.sub(r"(?s)<style>.*?</style>", "<style></style>", render_html(request.getfixturevalue(data), "draw()"))
    text = re.sub(r"(?s)<script>\n.*?</script>", "<script></script>", text)
    path = GOLDEN / f"{data}.html"
    if os.environ.get("SWEEPER_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8", newline="")
    assert text == path.read_bytes().decode()


def test_equal_stories_are_equal_bytes(whole: ReportPage) -> None:
    assert render_html(whole, "draw()") == render_html(whole, "draw()")


def test_a_script_element_cannot_be_ended_from_inside() -> None:
    text = script_json({"a": "</script><!--<script>&\u2028"})
    assert not re.search(r"[<>&\u2028]", text)
    assert json.loads(text) == {"a": "</script><!--<script>&\u2028"}
    assert "</script>x" not in render_html(page_with(snapshot_of(factorial_spec(1), [])), "a='</script>x'").split('id="content"')[1]


def test_nothing_hostile_is_markup(hostile: ReportPage) -> None:
    text = render_html(hostile, "draw()")
    assert "<img src=x" not in text
    assert "javascript:" not in text
    assert text.count("<script") == 3
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_it_works_in_a_browser(whole: ReportPage, page: Any, browser: Chromium, width: int, dark: bool) -> None:
    file = page(whole)
    browser.look(file, width, dark=dark)
    assert browser.complaints() == []
    assert browser.requests() == [file.as_uri()], "it asks for nothing"
    assert browser.value("document.documentElement.scrollWidth") <= width, "only tables scroll sideways"
    figures = browser.value("[...document.querySelectorAll('[data-figure]')].map(e => [e.dataset.figure, Number(e.dataset.drawn)])")
    assert [key for key, drawn in figures if drawn > 0] == ["contrasts", "means", "effects", "curves", "cost"]
    assert browser.value("document.querySelectorAll('.plot svg .mark-symbol path, .plot svg .mark-rule line').length") > 20
    assert browser.value("[...document.querySelectorAll('.plot svg')].every(e => e.getBoundingClientRect().right <= innerWidth)")
    paper = browser.value("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(21, 24, 28)") is dark
    browser.value("document.getElementById('theme').click()")
    assert browser.value("getComputedStyle(document.body).backgroundColor") != paper


def test_it_is_read_without_colour_or_mouse(whole: ReportPage, page: Any, browser: Chromium) -> None:
    browser.look(page(whole), 1280)
    assert browser.value("document.querySelector('a.skip').getAttribute('href')") == "#main"
    # the first stop of the tab key is the way past the header; every control is a native one
    assert browser.value("document.querySelectorAll('[onclick], div[role=button], span[role=button]').length") == 0
    assert browser.value("[...document.querySelectorAll('svg')].every(e => e.getAttribute('aria-label') || e.closest('[aria-label]'))")
    assert browser.value("[...document.querySelectorAll('img')].every(e => e.alt.length > 10)")
    assert browser.value("[...document.querySelectorAll('table')].every(e => e.caption && e.tHead)")
    shapes = "new Set([...document.querySelectorAll('[data-figure=curves] .role-legend-symbol path')].map(e => e.getAttribute('d'))).size"
    assert browser.value(shapes) == 4, "each variant has a shape of its own"
    contrast = """(() => {
      const linear = (x) => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4;
      const lum = (c) => { const v = c.match(/[\\d.]+/g).slice(0, 3).map((x) => linear(x / 255));
        return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
      const paper = lum(getComputedStyle(document.body).backgroundColor);
      return Math.min(...[...document.querySelectorAll('p, td, th, dd, a, figcaption, small, label')].map((e) => {
        const ink = lum(getComputedStyle(e).color); return (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05); }));
    })()"""
    assert browser.value(contrast) >= 4.5
    browser.value("document.getElementById('theme').click()")
    assert browser.value(contrast) >= 4.5


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_analyses_are_drawn_for_every_variant(default_sweep: MakeSnapshot, page: Any, browser: Chromium, width: int, dark: bool) -> None:
    snapshot = default_sweep()
    browser.look(page(build_page(snapshot, {}, build_report(snapshot, analyses=analyses_of(snapshot)))), width, dark=dark)
    assert browser.complaints() == []
    assert browser.value("document.documentElement.scrollWidth") <= width
    panels = "[...document.querySelectorAll('#analyses .plot')]"
    assert browser.value(f"{panels}.map(e => Number(e.dataset.drawn)).every(n => n > 0)")
    assert browser.value(f"{panels}.filter(e => e.dataset.panel === 'dual/none').length") == 4, "maps and bars, one for each variant"
    assert browser.value(f"{panels}.filter(e => e.dataset.panel === '').length") == 4, "lines and means, one for all"
    assert browser.value("[...document.querySelectorAll('#analyses svg')].every(e => e.getBoundingClientRect().right <= innerWidth)")
    written = "[...document.querySelectorAll('#analyses .plot svg text')].filter(e => e.textContent === '.60').length"
    assert browser.value(written) >= 1, "a cell says its number"
    key = browser.value("document.querySelector('#analyses select').dataset.plot")
    before = browser.value(f"document.querySelector('[data-figure={key}] svg').outerHTML")
    choose = (
        f"(() => {{ const s = document.querySelector('select[data-plot={key}]'); s.value = '1'; s.dispatchEvent(new Event('change')); }})()"
    )
    browser.value(choose)
    browser.value("new Promise(r => setTimeout(r, 700))")
    assert browser.value(f"document.querySelector('[data-figure={key}] svg').outerHTML") != before


def test_claims_have_a_forest_plot_for_each_scale(default_sweep: MakeSnapshot, page: Any, browser: Chromium) -> None:
    spec = claims_spec(3)
    spec["contrasts"][0] |= {"margin": 0.1}
    browser.look(page(page_with(default_sweep(spec=spec))), 390)
    assert browser.complaints() == []
    title = "document.querySelector('[data-figure=claims] .role-axis-title text').textContent"
    assert browser.value(title) == "difference in FD (digits classifier) (left of 0 is better)"
    choose = (
        "(() => { const s = document.querySelector('select[data-plot=claims]'); s.value = '1'; s.dispatchEvent(new Event('change')); })()"
    )
    browser.value(choose)
    browser.value("new Promise(r => setTimeout(r, 500))")
    assert browser.value(title) == "difference in FD (digits classifier) (%) (left of 0 is better)"
    assert browser.value("document.querySelector('[data-figure=claims]').dataset.drawn") == "2"


def test_published_rows_stand_apart_in_a_browser(beside: ReportPage, page: Any, browser: Chromium) -> None:
    browser.look(page(beside), 390)
    assert browser.complaints() == []
    assert browser.value("document.documentElement.scrollWidth") <= 390
    rows_in = "[...document.querySelectorAll('{0} tbody tr')].length"
    assert browser.value(rows_in.format("aside.apart")) == 4 + 6
    assert browser.value("[...document.querySelectorAll('aside.apart tbody tr')].every(r => r.querySelector('.badge'))")
    ours = "[...document.querySelectorAll('table')].filter(t => !t.closest('aside')).some(t => t.textContent.includes('FID-10K'))"
    assert not browser.value(ours)


def rows(browser: Chromium, column: int) -> list[str]:
    found: list[str] = browser.value(
        f"[...document.querySelectorAll('#trial-table tbody tr')].filter(r => !r.hidden).map(r => r.cells[{column}].textContent)"
    )
    return found


def test_trials_are_searched_and_sorted(whole: ReportPage, page: Any, browser: Chromium) -> None:
    browser.look(page(whole), 390)
    search = "(() => {{ const s = document.getElementById('trial-search'); s.value = {0}; s.dispatchEvent(new Event('input')); }})()"
    browser.value(search.format("'dual  FINISHED'"))
    assert set(rows(browser, 1)) == {"dual/none", "dual/full"}
    assert browser.value("document.getElementById('trial-count').textContent") == "5 of 12 trials"
    browser.value(search.format("''"))
    click = "document.querySelectorAll('#trial-table thead button')[{0}].click()"
    browser.value(click.format(6))
    values = [value for value in rows(browser, 6) if value != "–"]
    assert values == sorted(values, key=float)
    assert rows(browser, 6)[-1] == "–"
    assert browser.value("document.querySelectorAll('#trial-table th')[6].getAttribute('aria-sort')") == "ascending"
    browser.value(click.format(6))
    assert [value for value in rows(browser, 6) if value != "–"] == values[::-1]
    assert rows(browser, 6)[-1] == "–", "what has no value comes last, whichever way"
    links = browser.value("[...document.querySelectorAll('#trial-table a')].map(a => a.href)")
    assert len(links) == 12
    assert all(link.startswith("http://127.0.0.1:5000/#/experiments/1/runs/") for link in links)


def test_choices_change_what_is_drawn(whole: ReportPage, page: Any, browser: Chromium) -> None:
    browser.look(page(whole), 1280)
    title = "document.querySelector('[data-figure=means] .role-axis-title text').textContent"
    assert browser.value(title) == "FD (digits classifier) (lower is better)"
    choose = "(() => {{ const s = document.querySelector('{0}'); {1}; s.dispatchEvent(new Event('change', {{bubbles: true}})); }})()"
    browser.value(choose.format("select[data-plot=means]", "s.value = '2'"))
    browser.value("new Promise(r => setTimeout(r, 500))")
    assert browser.value(title) == "class accuracy (higher is better)"
    drawn = "Number(document.querySelector('[data-figure=curves]').dataset.drawn)"
    before = browser.value(drawn)
    browser.value(choose.format("fieldset[data-variants=curves] input", "s.checked = false"))
    browser.value("new Promise(r => setTimeout(r, 500))")
    assert 0 < browser.value(drawn) < before
    shown = "[...document.querySelectorAll('.samples')].filter(e => !e.hidden).map(e => e.dataset.seed)"
    assert browser.value(shown) == ["0"]
    browser.value(choose.format("#sample-seed", "s.value = '1'"))
    assert browser.value(shown) == ["1"]
    assert browser.value("[...document.querySelectorAll('.samples:not([hidden]) img')].every(e => e.naturalWidth === 102)")


def test_hostile_names_do_nothing_in_a_browser(hostile: ReportPage, page: Any, browser: Chromium) -> None:
    file = page(hostile)
    browser.look(file, 390)
    assert browser.value("window.foul ?? 'nothing'") == "nothing"
    assert browser.complaints() == []
    assert browser.requests() == [file.as_uri()]
    assert browser.value("document.querySelectorAll('#trial-table a').length") == 0
    assert browser.value("document.querySelector('h1').textContent").startswith("</script><script>window.foul=1")
    assert browser.value("document.documentElement.scrollWidth") <= 390


SEARCH = "(() => {{ const s = document.getElementById('trial-search'); s.value = '{0}'; s.dispatchEvent(new Event('input')); }})()"
CHOOSE = "(() => {{ const s = document.getElementById('trial-state'); s.value = '{0}'; s.dispatchEvent(new Event('change')); }})()"
MORE = "document.getElementById('more')"
COUNT = "document.getElementById('trial-count').textContent"


def test_a_thousand_trials_are_drawn_some_at_a_time(page: Any, browser: Chromium) -> None:
    file = page(many())
    assert file.stat().st_size < LIMIT
    browser.look(file, 390)
    assert browser.complaints() == []
    assert browser.value("document.documentElement.scrollWidth") <= 390
    assert len(rows(browser, 0)) == 100
    assert browser.value(f"{MORE}.textContent") == "100 more of 900"
    for _ in range(9):
        assert not browser.value(f"{MORE}.hidden")
        browser.value(f"{MORE}.click()")
    assert len(rows(browser, 0)) == 1_000
    assert browser.value(f"{MORE}.hidden")
    assert browser.value("document.activeElement.rowIndex") == 901, "the keyboard goes on where the button was"
    browser.value(SEARCH.format("variant-042"))
    assert browser.value(COUNT) == "10 of 1,000 trials"
    assert set(rows(browser, 1)) == {"variant-042"}
    browser.value(SEARCH.format(""))
    browser.value("document.querySelectorAll('#trial-table thead button')[2].click()")
    assert rows(browser, 2) == ["0"] * 100, "the order is of all of them, not of those that were drawn"


@pytest.fixture(scope="module")
def largest() -> ReportPage:
    """100,000 trials of which two went wrong; 1,000 variants, and more notes than anybody reads."""
    page = many(1_000, 2)
    trials = list(page.trials) * 50
    for place in (90_000, 95_000):
        trials[place] = dataclasses.replace(trials[place], state="failed", metrics={}, error=f"DataError: of trial {place}")
    notes = tuple(f"note {i}: {'word ' * 30}" for i in range(3_000))
    report = dataclasses.replace(page.report, notes=notes)
    return dataclasses.replace(page, report=report, trials=tuple(trials), grids=page.grids[:250])


def test_the_page_of_any_sweep_is_small(largest: ReportPage, page: Any) -> None:
    """It was 3 KB for each trial."""
    assert page(largest).stat().st_size < LIMIT


def test_the_page_of_a_large_sweep_shows_what_needs_a_look_and_says_what_it_leaves_out(
    largest: ReportPage, page: Any, browser: Chromium
) -> None:
    browser.look(page(largest), 1280, dark=True)
    assert browser.complaints() == []
    text = browser.value("document.body.textContent")
    assert re.search(r"\d\d,\d{3} more trials are not on this page", text)
    assert 'sweeper.results("noise_aug_vs_interaction")' in text
    assert "more rows; all of them: sweeper report" in text
    assert "The first 100 of 1,000." in text
    assert "2,700 more notes" in text
    assert browser.value("document.querySelectorAll('tr').length") < 1_000
    browser.value(CHOOSE.format("failed"))
    assert rows(browser, -1 % len(rows_of_head(browser))) == ["DataError: of trial 90000", "DataError: of trial 95000"]
    assert browser.value("[...document.getElementById('trial-state').options].map(o => o.textContent)")[2] == "failed (2)"
    browser.value(SEARCH.format("95000"))
    assert len(rows(browser, 0)) == 1
    browser.value(SEARCH.format("no such trial"))
    assert rows(browser, 0) == []
    assert browser.value(f"{MORE}.hidden")


def rows_of_head(browser: Chromium) -> list[str]:
    found: list[str] = browser.value("[...document.querySelectorAll('#trial-table thead th')].map(h => h.textContent)")
    return found


class TestTrialData:
    def lines(self, number: int, **changes: Any) -> list[TrialLine]:
        line = TrialLine("a b", 0, "f" * 16, "finished", 800, 800, 1, {"fd_digits": 1.5}, None, None)
        return [dataclasses.replace(line, fingerprint=f"{i:016x}", seed=i, **changes) for i in range(number)]

    def cells(self, data: TrialData, label: str) -> list[str]:
        (column,) = [column for column in data.content["columns"] if column["label"] == label]
        return column["cells"].split(" ") if isinstance(column["cells"], str) else [column["of"][place] for place in column["cells"]]

    def test_every_cell_is_there(self) -> None:
        data = trial_data(self.lines(3), [metric_info("fd_digits")])
        assert (data.shown, data.left_out, data.linked) == (3, 0, False)
        assert self.cells(data, "variant") == ["a b"] * 3
        assert self.cells(data, "seed") == ["0", "1", "2"]
        assert self.cells(data, "step") == ["800/800"] * 3
        assert self.cells(data, "↓ FD (digits classifier)") == ["1.50"] * 3

    def test_what_runs_or_failed_is_kept_first_then_results(self) -> None:
        trials = [
            *self.lines(10, state="pending"),
            *self.lines(10),
            *self.lines(5, state="failed", error="x"),
            *self.lines(5, state="running"),
        ]
        room = 15 * len("00000000 a b 0 finished 800/800 1 1.50 ")
        data = trial_data(trials, [metric_info("fd_digits")], room)
        states = self.cells(data, "state")
        assert states.count("failed") == states.count("running") == 5
        assert 0 < states.count("finished") < 10
        assert "pending" not in states
        assert data.shown + data.left_out == len(trials)

    @pytest.mark.parametrize(
        ("links", "link", "rest"),
        [
            (["http://h/a/1", "http://h/a/22"], "http://h/a/", ["1", "22"]),
            (["http://h/a/1", None], "http://h/a/", ["1", ""]),
            (["javascript:x", None], "", []),
            (["https://h/1", "http://h/1"], "", ["https://h/1", "http://h/1"]),
        ],
    )
    def test_addresses_are_put_together_again(self, links: list[str | None], link: str, rest: list[str]) -> None:
        lines = [dataclasses.replace(line, link=address) for line, address in zip(self.lines(2), links, strict=True)]
        content = trial_data(lines, []).content
        assert (content["link"], content["links"]) == (link, rest)

    def test_without_any_trial(self) -> None:
        assert trial_data([], []).content["columns"][0]["cells"] == ""


class TestSamples:
    def grids(self, folder: Path, content: dict[tuple[str, int], bytes]) -> tuple[list[SampleGrid], str]:
        found = []
        for place, ((variant, seed), data) in enumerate(content.items()):
            file = folder / f"{place}.png"
            file.write_bytes(data)
            found.append((variant, seed, file))
        return sample_grids(found, ["a", "b"])

    def test_the_first_draws_of_every_label_seed_by_seed(self, tmp_path: Path) -> None:
        grids, left_out = self.grids(tmp_path, {("b", 1): picture(), ("a", 1): picture(), ("a", 0): picture(), ("c", 0): picture()})
        assert [(grid.variant, grid.seed, grid.columns) for grid in grids] == [("a", 0, 10), ("a", 1, 10), ("b", 1, 10)]
        assert left_out == ""
        assert Image.open(io.BytesIO(grids[0].png)).size == (102, 32), "three rows and the gaps"

    def test_large_pictures_are_made_small_and_broken_ones_left_out(self, tmp_path: Path) -> None:
        content = {("a", 0): picture(side=256), ("b", 0): b"\x89PNG\r\n\x1a\nnothing"}
        (grid,), _ = self.grids(tmp_path, content)
        assert Image.open(io.BytesIO(grid.png)).width <= 10 * 64 + 64

    def test_a_picture_that_does_not_say_its_columns_is_shown_whole(self, tmp_path: Path) -> None:
        (grid,), _ = self.grids(tmp_path, {("a", 0): picture(noted=False)})
        assert (grid.columns, Image.open(io.BytesIO(grid.png)).size) == (0, (102, 82))

    def test_seeds_are_left_out_whole_when_the_page_is_full(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sweeper.report.render.sample_grids._BUDGET", 400)
        content = {(variant, seed): picture(grey=seed) for seed in range(3) for variant in ("a", "b")}
        grids, left_out = self.grids(tmp_path, content)
        assert {grid.seed for grid in grids} == {0, 1}
        assert left_out == "Samples of 1 more training seeds are in their trials' folders."
