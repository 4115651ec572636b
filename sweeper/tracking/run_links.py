"""Where the MLflow runs of a sweep's trials are shown."""

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from sweeper.tracking.failures import Doubtful, Refused, TrackingAway
from sweeper.tracking.mlflow_client import QuietClient

LOCAL = "http://127.0.0.1:5000"
"""Where `sweeper ui` shows a local database unless told otherwise."""


def run_links(tracking_uri: str, artifact_root: Path, sweep: str, profile: str) -> dict[str, str]:
    """Fingerprint -> address of the trial's run in MLflow's pages; empty when MLflow is away or knows nothing of the sweep.

    Only looks: a database that is not there is not made.
    """
    if tracking_uri.startswith("sqlite:///") and not Path(tracking_uri.removeprefix("sqlite:///")).exists():
        return {}
    try:
        found = QuietClient(tracking_uri, artifact_root).runs_by_tag(
            sweep, {"sweeper.kind": "trial", "sweeper.profile": profile}, "sweeper.trial"
        )
    except (TrackingAway, Refused, Doubtful):
        return {}
    pages = shown_at(tracking_uri)
    return {trial: f"{pages}/#/experiments/{experiment}/runs/{run}" for trial, (experiment, run) in found.items()}


def shown_at(tracking_uri: str) -> str:
    """Address of MLflow's pages, without the password that a tracking URI may hold."""
    if not tracking_uri.startswith(("http://", "https://")):
        return LOCAL
    parts = urlsplit(tracking_uri)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
