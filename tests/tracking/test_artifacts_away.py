"""Artifacts that cannot be written while the tracking database answers: everything waits for them, and nothing is lost."""

import http.server
import threading
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import RestException

from sweeper.errors import SweeperError
from sweeper.tracking.failures import Refused, TrackingAway, translated_file


def test_rows_wait_for_artifacts_and_states_do_not(setup: Any) -> None:
    setup.source.sweep()
    setup.source.link()
    setup.source.attempt("running")
    sync = setup.sync()
    assert sync.drain() == 3
    root, aside = setup.folder / "artifacts" / "mlflow", setup.folder / "aside"
    root.rename(aside)
    root.write_text("no folder")

    setup.source.points(1, {"train_loss": 1.0})
    setup.source.put("points", fingerprint="f0")
    setup.source.attempt("finished")
    setup.source.link("f1", seed=1)
    for _ in range(6):
        with pytest.raises(TrackingAway, match="artifacts cannot be written"):
            sync.drain()
    assert [row.kind for row in setup.source.pending(10)] == ["attempt", "link"], "what went before is told once"
    assert (sync.refused, setup.only("trial").info.status) == (1, "FINISHED"), "one cannot be read"

    root.unlink()
    aside.rename(root)
    assert sync.drain() == 2
    first, second = setup.runs("trial")
    assert [run.info.status for run in (first, second, setup.only("sweep"))] == ["FINISHED", "SCHEDULED", "SCHEDULED"]
    assert setup.artifact(first, "attempts/attempt-1.json")
    assert setup.artifact(second, "config.json")
    assert sync.refused == 1


def test_a_history_shows_its_states_and_numbers_before_its_artifacts(setup: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    setup.source.whole_trial()
    setup.image(3)

    def away(*_: Any) -> None:
        raise TrackingAway("no artifacts")

    for method in ("write_text", "write_file"):
        monkeypatch.setattr(f"sweeper.tracking.mlflow_client.QuietClient.{method}", away)
    setup.source.rows = {row.id: row for row in setup.source.pending(10) if row.kind == "link"}
    with pytest.raises(TrackingAway, match="no artifacts"):
        setup.sync().drain()
    child = setup.only("trial")
    assert (child.info.status, child.data.tags["sweeper.state"]) == ("FINISHED", "finished")
    assert len(setup.curve(child, "train_loss")) == 3
    assert "sweeper.whole" not in child.data.tags


def test_a_picture_that_is_gone_is_no_outage(setup: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    setup.image(3)
    setup.source.link()
    sync = setup.sync()
    monkeypatch.setattr(Path, "is_file", lambda _: True)
    setup.source.evaluation(4, {"held_out_loss": 0.5}, {})
    for _ in range(2):
        with pytest.raises(TrackingAway, match="No such file"):
            sync.drain()
    assert sync.drain() == 1, "it is given up"
    assert sync.refused == 1
    assert setup.curve(setup.only("trial"), "held_out_loss") == [(4, 0.5, 2_000_004)]


class Saying(http.server.BaseHTTPRequestHandler):
    """Answers with the status that its path ends with."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(int(self.path.split("/")[1]))

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        *((status, TrackingAway) for status in (401, 403, 404, 429, 500, 502, 503, 507)),
        *((status, Refused) for status in (400, 413, 422)),
    ],
)
def test_only_an_answer_about_the_artifact_refuses_it(
    status: int, verdict: type[SweeperError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    (tmp_path / "config.json").write_text("{}")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Saying) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        repository = HttpArtifactRepository(f"http://127.0.0.1:{server.server_port}/{status}")
        with pytest.raises(Exception, match=str(status)) as caught:
            repository.log_artifact(str(tmp_path / "config.json"))
        server.shutdown()
    assert type(translated_file(caught.value)) is verdict


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (PermissionError(13, "denied"), TrackingAway),
        (RuntimeError("an error of the S3 client"), TrackingAway),
        (ImportError("no boto3"), TrackingAway),
        (RestException({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such run"}), Refused),
        (RestException({"error_code": "INVALID_PARAMETER_VALUE", "message": "no such path"}), Refused),
        (RestException({"error_code": "INTERNAL_ERROR", "message": "?"}), TrackingAway),
    ],
    ids=str,
)
def test_other_errors_refuse_it_by_their_code_alone(error: Exception, verdict: type[SweeperError]) -> None:
    assert type(translated_file(error)) is verdict
