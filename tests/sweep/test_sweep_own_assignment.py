"""Token assignments and a metric of the user's own, from wherever a module of his may stand, run by workers that were started elsewhere."""

import csv
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import yaml
from sweeper_home import TINY, Home

EDGE_STRENGTH = Path(__file__).parents[1] / "model" / "edge_strength.py"
MODULE = """
import torch
from model.noise.assignments import Assignment

class Raster(Assignment):
    def order(self, counts, streams, purpose):
        print("an order of", __name__)
        return torch.arange(sum(counts)).expand(streams.size, -1){more}
"""


def test_a_module_is_found_beside_the_file_in_the_current_folder_and_on_the_path(
    new_home: Callable[..., Home], cluster: dict[str, str], tmp_path: Path
) -> None:
    folders = {"beside": tmp_path / "sweeps", "current": tmp_path / "home", "on_path": tmp_path / "library"}
    path = os.pathsep.join(filter(None, (str(folders["on_path"]), os.environ.get("PYTHONPATH", ""))))
    home = new_home("home", cluster | {"PYTHONPATH": path})  # of the command alone: the cluster's workers were not started with it
    for name, folder in folders.items():
        folder.mkdir(exist_ok=True)
        (folder / f"orders_{name}.py").write_text(MODULE.format(more=""))
    (folders["beside"] / "random.py").write_text("raise ImportError('hides what is installed')")
    shutil.copy(EDGE_STRENGTH, folders["beside"])
    sweep = yaml.safe_load(TINY.read_text()) | {"name": "own", "metric": {"primary": "edge_strength"}}
    sweep["contrasts"] = [{"name": "sharper", "of": "orders_beside.Raster", "to": "random", "kind": "superior", "alpha": 0.05}]
    sweep["base"]["evaluation"]["own_metrics"] = [
        {"name": "edge_strength", "kind": "edge_strength.EdgeStrength", "direction": "higher", "label": "edges", "decimals": 4}
    ]
    sweep["base"] |= {"timesteps": {"kind": "dual"}, "steps": 2, "log_every": 1, "held_out_every": 2, "checkpoint_every": 2}
    modules = [f"orders_{name}.Raster" for name in folders]
    sweep["design"]["factors"] = {"assignment": {"path": "partition.assignment", "levels": ["random", *modules]}}
    (folders["beside"] / "own.yaml").write_text(yaml.safe_dump(sweep))

    home.run("run", str(folders["beside"] / "own.yaml"))
    outcomes = home.snapshot().outcomes
    assert [(o.variant, o.state) for o in outcomes] == [(name, "finished") for name in ("random", *modules)]
    for outcome in outcomes[1:]:
        log = home.path / "trials" / outcome.fingerprint / "attempt-1" / "log.txt"
        assert f"an order of {outcome.variant.partition('.')[0]}\n" in log.read_text()
    random, *own = (o.metrics["train_loss"] for o in outcomes)
    assert own[0] == own[1] == own[2] != random

    table = home.run("report", "--table", "--format", "markdown")
    for outcome in outcomes:
        assert f"| {outcome.metrics['edge_strength']:.4f}" in table, table
    assert "| ↑ edges" in table, table
    (claim,) = [row for row in csv.DictReader(io.StringIO(home.run("report", "--format", "csv"))) if row["kind"] == "claim"]
    assert (claim["name"], claim["metric"], claim["direction"]) == ("sharper", "edge_strength", "higher")
    assert claim["verdict"] == "inconclusive", "one seed decides nothing"

    (folders["current"] / "orders_current.py").write_text(MODULE.format(more="  # changed"))  # another source, another trial
    assert '"run": 1' in home.run("plan", str(folders["beside"] / "own.yaml"), "--json")
