"""Golden text of every format, and names that try to break out of it.

After a wanted change, write the golden files anew with `SWEEPER_WRITE_GOLDEN=1 pytest tests/report` and read the difference.
"""

import csv
import dataclasses
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from report_snapshots import MakeSnapshot, claims_spec, curves_of, factorial_spec, finished, snapshot_of, unfinished
from rich.cells import cell_len

from sweeper.errors import RequestError
from sweeper.records import VersionRecord
from sweeper.report.build import build_report
from sweeper.report.render.formats import FORMATS, TABLE_FORMATS, render
from sweeper.report.results import Report
from sweeper.spec.report_template import LAYOUTS, Layout

GOLDEN = Path(__file__).parent / "golden"
SUFFIX = {"terminal": "txt", "markdown": "md", "csv": "csv", "json": "json", "latex": "tex"}
TEMPLATE = {
    "layout": "factorial",
    "metrics": ["held_out_loss"],
    "order": ["dual/full"],
    "group": "separation",
    "names": {"dual": "two levels", "fd_digits": "FD", "separation": "cut"},
}
CASES = ["whole", "claims", "ragged", "empty", "hostile", "stepped", "beside"]
HOSTILE = "=cmd|x \x1b[2J*b*_\\input{/etc}$[red]</td>\u202e%&~^#@\n| a"


@pytest.fixture
def whole(default_sweep: MakeSnapshot) -> Report:
    return build_report(default_sweep())


@pytest.fixture
def claims(default_sweep: MakeSnapshot) -> Report:
    """The same numbers, but the sweep claims what its contrasts ask."""
    snapshot = default_sweep(spec=claims_spec(3))
    earlier = claims_spec(3) | {"contrasts": [c | {"margin": "1%"} if "margin" in c else c for c in claims_spec(3)["contrasts"]]}
    version = VersionRecord("0123456789ab", snapshot.created - timedelta(days=1), earlier)
    return build_report(dataclasses.replace(snapshot, first_result=snapshot.newest_result, versions=(version,)))


@pytest.fixture
def ragged(default_sweep: MakeSnapshot) -> Report:
    """Too few seeds, a diverged and a failed trial, one that runs, one that lacks a value."""
    return build_report(
        default_sweep(
            replaced={
                ("single/none", 0): unfinished("single/none", 0, "running"),
                ("single/full", 1): unfinished("single/full", 1, "failed"),
                ("dual/none", 0): finished("dual/none", 0, float("inf")),
                ("dual/full", 1): unfinished("dual/full", 1, "diverged"),
                ("dual/full", 2): None,
            }
        )
    )


@pytest.fixture
def stepped(default_sweep: MakeSnapshot) -> Report:
    """Evaluated on the way, with a template of its own."""
    snapshot = default_sweep(spec=factorial_spec(3) | {"report": TEMPLATE})
    return build_report(snapshot, curves=curves_of(snapshot))


@pytest.fixture
def beside(default_sweep: MakeSnapshot) -> Report:
    """Two published sets below: one with a step in common, one without."""
    published = {"published": ["2607.02508-cells", "2607.02508-systems-256"]}
    return build_report(default_sweep(spec=factorial_spec(3) | {"report": published}))


@pytest.fixture
def empty() -> Report:
    return build_report(snapshot_of(factorial_spec(3), []))


@pytest.fixture
def hostile() -> Report:
    """The same foul text wherever the store may hold text."""
    names = [HOSTILE, "-2+3", "1. plain"]
    spec = {
        "question": HOSTILE,
        "name": "hostile",
        "base": {},
        "design": {"kind": "factorial", "factors": {"f": {"levels": {name.replace("/", ""): {} for name in names}}}},
        "seeds": 3,
        "metric": {"primary": "fd_digits", "direction": "lower"},
        "contrasts": [{"name": HOSTILE, "question": HOSTILE, "of": {"f": HOSTILE.replace("/", "")}, "to": {"f": "-2+3"}}],
        "report": {"names": {"fd_digits": HOSTILE, "1. plain": HOSTILE, "f": HOSTILE}},
    }
    variants = [name.replace("/", "") for name in names]
    outcomes = [
        finished(name, seed, 10 + i + seed * i, comparability={"device": HOSTILE}) for i, name in enumerate(variants) for seed in range(3)
    ]
    outcomes[0] = unfinished(variants[0], 0, "diverged")
    return build_report(snapshot_of(spec, outcomes, profile=HOSTILE))


@pytest.mark.parametrize("format", TABLE_FORMATS)
@pytest.mark.parametrize("data", CASES)
def test_golden(data: str, format: str, request: pytest.FixtureRequest) -> None:
    same_as_golden(render(request.getfixturevalue(data), format), f"{data}.{SUFFIX[format]}")


@pytest.mark.parametrize("format", ["terminal", "markdown", "latex"])
@pytest.mark.parametrize(("data", "layout"), [("ragged", "effects"), ("stepped", "effects"), ("claims", "claims")])
def test_golden_layouts(data: str, layout: Layout, format: str, request: pytest.FixtureRequest) -> None:
    same_as_golden(render(with_layout(request.getfixturevalue(data), layout), format), f"{data}-{layout}.{SUFFIX[format]}")


def same_as_golden(text: str, name: str) -> None:
    path = GOLDEN / name
    if os.environ.get("SWEEPER_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8", newline="")
    assert text == path.read_bytes().decode()


@pytest.mark.parametrize("format", TABLE_FORMATS)
def test_equal_reports_are_equal_bytes_whatever_the_environment(whole: Report, format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, coloured = render(whole, format), render(whole, "terminal", width=132, colour=True)
    for name, value in {"TERM": "dumb", "COLUMNS": "200", "FORCE_COLOR": "1", "TZ": "Asia/Tokyo", "LC_ALL": "de_DE.UTF-8"}.items():
        monkeypatch.setenv(name, value)
    assert render(whole, format) == before
    monkeypatch.setenv("NO_COLOR", "1")
    assert render(whole, "terminal", width=132, colour=True) == coloured


def test_a_date_without_a_zone_is_utc(whole: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    assert whole.newest_result is not None
    naive = dataclasses.replace(whole, newest_result=whole.newest_result.replace(tzinfo=None))
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        shown = render(naive, "json")
    time.tzset()
    assert shown == render(whole, "json")


def test_an_unknown_format_is_answered_with_the_nearest(whole: Report) -> None:
    with pytest.raises(RequestError, match='did you mean "markdown"'):
        render(whole, "markdwon")


class TestTerminal:
    @pytest.mark.parametrize("data", CASES)
    @pytest.mark.parametrize("width", [60, 80, 132])
    def test_lines_fit(self, data: str, width: int, request: pytest.FixtureRequest) -> None:
        lines = render(request.getfixturevalue(data), "terminal", width=width).splitlines()
        assert max(map(cell_len, lines)) <= width

    @pytest.mark.parametrize("width", [1, 40, 60, 80, 200])
    def test_no_number_is_cut(self, whole: Report, ragged: Report, width: int) -> None:
        shown = render(whole, "terminal", width=width)
        assert "…" not in shown
        for number in ("11.40 ± 0.90", "0.6457 ± 0.0137", "0.952 ± 0.007", "32.0 ± 2.5", "412 ± 0", "[-2.66, 1.13]"):
            assert number in shown
        assert "(n=2, no interval)" in render(ragged, "terminal", width=width)

    def test_huge_numbers_are_not_cut_either(self, default_sweep: MakeSnapshot) -> None:
        replaced = {("dual/full", seed): finished("dual/full", seed, 1.2345e99 * (seed + 1)) for seed in range(3)}
        shown = render(build_report(default_sweep(replaced=replaced)), "terminal", width=40)
        assert "2.469e+99 ± 3.067e+99" in shown
        assert "[-5.977e+98, 5.536e+99]" in shown

    def test_the_primary_metric_is_in_the_first_table_and_a_wide_terminal_has_one(self, whole: Report) -> None:
        assert render(whole, "terminal", width=80).count("single/none") > render(whole, "terminal", width=140).count("single/none")
        assert render(whole, "terminal", width=60).index("11.40 ± 0.90") < render(whole, "terminal", width=60).index("0.943 ± 0.004")

    def test_colour_changes_nothing_but_colour(self, ragged: Report) -> None:
        coloured = render(ragged, "terminal", colour=True)
        plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
        assert [line.rstrip() for line in plain.splitlines()] == render(ragged, "terminal").splitlines()

    def test_nothing_from_the_store_reaches_the_terminal_as_a_command(self, hostile: Report) -> None:
        shown = render(hostile, "terminal", width=200)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)
        assert r"\x1b[2J" in shown
        assert "[red]" in shown


class TestMarkdown:
    def test_every_row_has_as_many_cells_as_the_heading(self, hostile: Report) -> None:
        rows = [line for line in render(hostile, "markdown").splitlines() if line.startswith("|")]
        cells = [len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) - 1 for row in rows]
        assert cells == [8] * 5 + [4] * 3

    def test_nothing_is_html(self, hostile: Report) -> None:
        assert not re.search(r"(?<!\\)<", render(hostile, "markdown"))


class TestCsv:
    def rows(self, report: Report) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(render(report, "csv"))))

    def test_one_row_per_variant_and_metric_and_per_contrast(self, whole: Report) -> None:
        rows = self.rows(whole)
        kinds = [row["kind"] for row in rows]
        assert kinds.count("variant") == 4 * 6
        assert kinds.count("contrast") == 3
        assert kinds.count("note") == len(whole.notes)
        first = next(row for row in rows if row["kind"] == "variant")
        assert (first["name"], first["baseline"], first["metric"], first["n"], first["seeds"]) == (
            "single/none",
            "yes",
            "fd_digits",
            "3",
            "0 1 2",
        )
        assert float(first["estimate"]) == whole.variants[0].cells["fd_digits"].mean

    def test_no_cell_is_a_formula(self, hostile: Report) -> None:
        number = re.compile(r"[+-]?[0-9.]+(e[+-]?[0-9]+)?")
        for row in self.rows(hostile):
            for cell in row.values():
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")) or number.fullmatch(cell)
        assert "'-2+3" in [row["name"] for row in self.rows(hostile)]

    def test_what_does_not_exist_is_empty(self, ragged: Report, empty: Report) -> None:
        row = next(row for row in self.rows(empty) if row["kind"] == "variant")
        assert (row["estimate"], row["interval_low"], row["n"], row["pending"]) == ("", "", "0", "3")
        dropped = next(row for row in self.rows(ragged) if row["kind"] == "contrast")
        assert dropped["dropped_seeds"] == "1 2"


class TestJson:
    @pytest.mark.parametrize("data", CASES)
    def test_finite_and_whole(self, data: str, request: pytest.FixtureRequest) -> None:
        def refuse(constant: str) -> None:
            raise AssertionError(constant)

        text = render(request.getfixturevalue(data), "json")
        keys = ["sweep", "variants", "contrasts", "effects", "claims", "notes", *(["published"] if data == "beside" else [])]
        assert list(json.loads(text, parse_constant=refuse)) == keys
        assert text.isascii()

    def test_names_are_as_in_the_store(self, hostile: Report) -> None:
        content = json.loads(render(hostile, "json"))
        assert content["variants"][0]["name"] == HOSTILE.replace("/", "")
        assert content["contrasts"][0]["weights"] == {HOSTILE.replace("/", ""): 1.0, "-2+3": -1.0}

    def test_contrasts(self, whole: Report) -> None:
        reading = json.loads(render(whole, "json"))["contrasts"][1]
        assert reading["estimate"] == pytest.approx(4.2)
        assert reading["interval"] == pytest.approx([3.951586228824966, 4.4484137711750344])
        assert (reading["n_pairs"], reading["margin"], reading["direction"]) == (3, 0.5, "lower")


class TestLatex:
    @pytest.mark.parametrize("data", CASES)
    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_it_compiles(self, data: str, layout: Layout, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        report = request.getfixturevalue(data)
        compiled(render(with_layout(report, layout), "latex"), tmp_path)

    @pytest.mark.parametrize("data", CASES)
    def test_balanced_and_escaped(self, data: str, request: pytest.FixtureRequest) -> None:
        text = render(request.getfixturevalue(data), "latex")
        body = "\n".join(line for line in text.splitlines() if not line.startswith("% "))
        bare = re.sub(r"\\[{}$&#%_]", "", body)
        depth = 0
        for character in bare:
            depth += {"{": 1, "}": -1}.get(character, 0)
            assert depth >= 0
        assert depth == 0
        assert bare.count("$") == 2 * len(re.findall(r"\$(?:\\pm|\\downarrow|\\uparrow|-)\$", bare))
        assert not re.search(r"[%#_^~]", bare.replace("\\textasciicircum", "").replace("\\textasciitilde", ""))
        commands = set(re.findall(r"\\[a-zA-Z]+", bare))
        ours = {r"\begin", r"\end", r"\centering", r"\caption", r"\label", r"\toprule", r"\midrule", r"\bottomrule", r"\item", r"\textbf"}
        ours |= {r"\shortstack", r"\sisetup", r"\num", r"\multicolumn", r"\cmidrule", r"\addlinespace", r"\bfseries"}
        symbols = {r"\pm", r"\downarrow", r"\uparrow"} | {
            rf"\text{name}" for name in ("dagger", "backslash", "asciicircum", "asciitilde", "less", "greater", "bar")
        }
        assert commands <= ours | symbols

    def test_every_row_has_as_many_cells_as_its_table(self, hostile: Report) -> None:
        text = render(hostile, "latex")
        for columns, body in re.findall(r"\\begin\{tabular\}\{(.*?)\}\n(.*?)\\end\{tabular\}", text, flags=re.DOTALL):
            rows = [line for line in body.splitlines() if line.endswith(r" \\")]
            assert len(rows) > 1
            wanted = len(re.sub(r"S\[.*?\]", "S", columns))
            assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {wanted}


def with_layout(report: Report, layout: Layout) -> Report:
    return dataclasses.replace(report, template=report.template.model_copy(update={"layout": layout}))


def compiled(body: str, folder: Path) -> None:
    """Fails with the engine's first complaint; overfull boxes are none, since a paper chooses its own widths."""
    engine = shutil.which("pdflatex")
    if engine is None:
        assert os.environ.get("CI") != "true", "no pdflatex, and CI has one"
        pytest.skip("no pdflatex (Debian: texlive-latex-recommended, texlive-science)")
    document = "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage[T1]{fontenc}",
            r"\usepackage{booktabs,siunitx}",
            r"\begin{document}",
            body,
            r"\end{document}",
        ]
    )
    (folder / "report.tex").write_text(document)
    command = [engine, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "report.tex"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=300, check=False)
    complaints = [line for line in ran.stdout.splitlines() if line.startswith("! ") or re.match(r"Package \w+ (Error|Warning)", line)]
    assert (ran.returncode, complaints) == (0, []), ran.stdout[-2000:]
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")


def test_a_report_loads_no_heavy_library() -> None:
    """What makes `sweeper report` answer fast."""
    heavy = ("torch", "ray", "mlflow", "sqlalchemy", "typer", "pandas", "numpy", "scipy")
    code = f"import sys, sweeper.report.build, sweeper.report.render.formats; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert found.stdout.strip() == "[]"


def test_the_command_names_every_format() -> None:
    from sweeper.cli.report import report

    (option,) = (one for one in report.__annotations__["format_"].__metadata__ if one.help)
    assert option.help == ", ".join([*FORMATS][:-1]) + f" or {[*FORMATS][-1]}."


def test_a_contrast_has_one_row_and_the_same_verdict_in_every_format(claims: Report) -> None:
    content = json.loads(render(claims, "json"))
    decided = {row["name"]: (row["verdict"], row["p_holm"]) for row in content["claims"]}
    assert {row["name"]: (row["verdict"], row["p_holm"]) for row in content["contrasts"]} == decided
    rows = list(csv.DictReader(io.StringIO(render(claims, "csv"))))
    assert {row["name"]: row["verdict"] for row in rows if row["kind"] == "claim"} == {
        name: verdict for name, (verdict, _) in decided.items()
    }
    lines = render(claims, "markdown").splitlines()
    for name, (verdict, _) in decided.items():
        (line,) = [line for line in lines if line.startswith(f"| {name} ")]
        assert line.endswith(f"| {verdict} |")
