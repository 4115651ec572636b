"""The one place where MLflow is imported and spoken to: silently, lazily, and with its exceptions translated.

Never the fluent API: it listens to run ids and experiment names in the environment, and a tracker must not.
"""

import contextlib
import importlib
import logging
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeper.errors import SweeperError
from sweeper.records import PointRecord
from sweeper.tracking import mlflow_names
from sweeper.tracking.artifact_locations import place_of
from sweeper.tracking.failures import Doubtful, TrackingAway, translated, translated_file
from sweeper.tracking.proxies import asked_by_proxy, pass_the_proxy

PER_BATCH = {"entries": 1000, "texts": 100}
"""MLflow takes 1,000 entries in a request, of which at most 100 params and 100 tags."""
TEXT_PER_BATCH = 100_000
"""Characters of params and tags in a request: MLflow takes at most 1 MB of JSON, where a character can be six."""

_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # `sync_loop` has a back-off of its own; MLflow's would sit still for minutes, and repeats run creations that had succeeded.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
}

TRAINING = {"mlflow.experimentKind": "custom_model_development"}
"""Tag by which the MLflow UI opens an experiment as training runs rather than as conversations."""


class QuietClient:
    """What the tracker does in MLflow, in the tracker's words.

    Every method raises `TrackingAway`, `Refused` or, but for artifacts, `Doubtful` and nothing else of MLflow's; nothing is printed.
    A tracking URI that is not http(s) is a database: then artifacts are kept under `artifact_root`, else where the server decides.
    Values are spelled so that MLflow takes them (`spelling`); one call may become several requests, each safe to repeat.
    """

    def __init__(self, tracking_uri: str, artifact_root: Path) -> None:
        self._tracking_uri = tracking_uri
        self._artifact_root = None if tracking_uri.startswith(("http://", "https://")) else artifact_root.absolute()
        self._client: Any = None
        self._known_experiment: str | None = None
        self._created = ("", "")
        """The run that was created last, and where its artifacts are: MLflow's client asks the server for the place."""
        self.permit: Callable[[], None] = lambda: None
        """Called before every request; raises what must stop it, which is passed on as it is."""

    def forget(self) -> None:
        """The experiment that was used last may be another one now."""
        self._known_experiment = None

    def experiment(self, sweep: str) -> str:
        """Id of the sweep's experiment, created when it is not there, restored when it was deleted."""
        name = mlflow_names.experiment_name(sweep)
        with self._border() as client:
            found = client.get_experiment_by_name(name)
            if found is None:
                self._known_experiment = str(client.create_experiment(name, artifact_location=self._artifacts_of(sweep), tags=TRAINING))
                return self._known_experiment
            if found.lifecycle_stage != "active":
                client.restore_experiment(found.experiment_id)
        self._known_experiment = str(found.experiment_id)
        return self._known_experiment

    def find_run(self, experiment_id: str, tags: Mapping[str, str]) -> str | None:
        """Id of the run with exactly these tags; the oldest where a broken connection left two. A deleted one is restored."""
        with self._border() as client:
            runs = list(_runs_with(client, experiment_id, tags))
            if not runs:
                return None
            best = min(runs, key=_by_age)
            if best.info.lifecycle_stage != "active":
                client.restore_run(best.info.run_id)
            return str(best.info.run_id)

    def find_runs(self, experiment_id: str, tags: Mapping[str, str]) -> list[str]:
        """Ids of all runs with these tags, deleted ones too."""
        with self._border() as client:
            return [str(run.info.run_id) for run in _runs_with(client, experiment_id, tags)]

    def delete_run(self, run_id: str, tags: Mapping[str, str]) -> None:
        """MLflow shows it no more, under these tags, and keeps it until its own `mlflow gc`."""
        with self._border() as client:
            if client.get_run(run_id).info.lifecycle_stage != "active":
                client.restore_run(run_id)  # a deleted one takes no tags
            for name, value in tags.items():
                client.set_tag(run_id, name, value)
            client.delete_run(run_id)

    def runs_of(self, experiment_id: str, tags: Mapping[str, str], key: str) -> dict[str, tuple[str, Mapping[str, str]]]:
        """Value of the tag `key` -> (run id, tags) of each run with these tags: as `find_run` for each, but all in few requests."""
        with self._border() as client:
            found: dict[str, tuple[Any, str, Mapping[str, str]]] = {}
            for run in _runs_with(client, experiment_id, tags):
                if (value := run.data.tags.get(key)) is not None:
                    mine = (_by_age(run), str(run.info.run_id), run.data.tags)
                    found[value] = min(found.get(value, mine), mine, key=lambda each: each[0])
            for age, run_id, _ in found.values():
                if age[0]:
                    client.restore_run(run_id)
        return {value: (run_id, held) for value, (_, run_id, held) in found.items()}

    def runs_by_tag(self, sweep: str, tags: Mapping[str, str], key: str) -> dict[str, tuple[str, str]]:
        """Value of the tag `key` -> (experiment id, run id) of the sweep's active runs with these tags; empty for an unknown sweep."""
        with self._border() as client:
            experiment = client.get_experiment_by_name(mlflow_names.experiment_name(sweep))
            found: dict[str, tuple[str, str]] = {}
            page = None if experiment is not None else ""
            while experiment is not None and (page is None or page):
                runs = client.search_runs([experiment.experiment_id], max_results=1000, page_token=page)
                for run in runs:
                    if key in run.data.tags and all(run.data.tags.get(name) == value for name, value in tags.items()):
                        found[run.data.tags[key]] = (str(experiment.experiment_id), str(run.info.run_id))
                page = runs.token or ""
        return found

    def experiment_tags(self, tag: str) -> list[str]:
        """Values of this tag on all experiments that bear it, deleted ones too."""
        with self._border() as client:
            everything = importlib.import_module("mlflow.entities").ViewType.ALL
            found = client.search_experiments(view_type=everything, filter_string=f"tags.`{tag}` LIKE '%'")
        return [experiment.tags[tag] for experiment in found if tag in experiment.tags]

    def tag_experiment(self, tag: str, value: str) -> bool:
        """Set a tag of the experiment that was used last; False when none was yet."""
        if self._known_experiment is None:
            return False
        with self._border() as client:
            client.set_experiment_tag(self._known_experiment, tag, value)
        return True

    def create_run(self, experiment_id: str, name: str, tags: Mapping[str, object]) -> str:
        """A new run that bears its tags from the first moment, so that a search finds it even after a crash right here."""
        with self._border() as client:
            info = client.create_run(experiment_id, tags=_spelled(tags), run_name=mlflow_names.text(name, mlflow_names.MAX_NAME)).info
        self._created = (str(info.run_id), str(info.artifact_uri))
        return self._created[0]

    def has_child(self, experiment_id: str, parent: str, status: str) -> bool:
        """Whether a child of this run has this status."""
        clauses = f"tags.`mlflow.parentRunId` = '{parent}' and attributes.status = '{status}'"
        with self._border() as client:
            return bool(client.search_runs([experiment_id], clauses, max_results=1))

    def record(
        self,
        run_id: str,
        *,
        points: Sequence[PointRecord] = (),
        tags: Mapping[str, object] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> None:
        """Add points (one that is there already stays one), set tags and write params, in as few requests as MLflow takes.

        The last tags are set last of all. MLflow never changes a param, and refuses a second, different value: give those that the
        run lacks.
        """
        with self._border() as client:
            entities = importlib.import_module("mlflow.entities")
            metrics = [entities.Metric(mlflow_names.key(point.metric), point.value, point.time_ms, point.step) for point in points]
            run_tags = [entities.RunTag(name, value) for name, value in _spelled(tags or {}).items()]
            run_params = [entities.Param(name, value) for name, value in (params or {}).items()]
            of_tags, of_params = (list(_short_batches(texts)) for texts in (run_tags, run_params))
            requests = []
            while metrics or of_tags or of_params:  # from the last to the first; MLflow itself takes params, then metrics, then tags
                texts = {"tags": of_tags.pop() if of_tags else [], "params": of_params.pop() if of_params else []}
                room = PER_BATCH["entries"] - sum(map(len, texts.values()))
                requests.append({"metrics": metrics[-room:], **texts})
                metrics = metrics[:-room]
            for request in reversed(requests):
                client.log_batch(run_id, **request)

    def missing_params(self, run_id: str, params: Mapping[str, str]) -> dict[str, str]:
        """Those that the run lacks."""
        with self._border() as client:
            there = client.get_run(run_id).data.params
        return {name: value for name, value in params.items() if name not in there}

    def set_status(self, run_id: str, status: str, end_ms: int | None) -> None:
        """`end_ms` counts only for a status that ends the run."""
        with self._border() as client:
            if status in {"RUNNING", "SCHEDULED"}:
                client.update_run(run_id, status=status)
            else:
                client.set_terminated(run_id, status=status, end_time=end_ms)

    def rename(self, run_id: str, name: str) -> None:
        """Give the run the name that people see."""
        with self._border() as client:
            client.update_run(run_id, name=mlflow_names.text(name, mlflow_names.MAX_NAME))

    def write_texts(self, run_id: str, contents: Mapping[str, str]) -> None:
        """Write or overwrite text artifacts, by `folder/name`."""
        with self._border(), tempfile.TemporaryDirectory() as folder:
            for artifact, content in contents.items():
                path = Path(folder, artifact)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.encode("utf-8", "replace"))
            with self._border(translated_file) as client:
                if run_id == self._created[0]:
                    self.permit()
                    registry = importlib.import_module("mlflow.store.artifact.artifact_repository_registry")
                    registry.get_artifact_repository(self._created[1], tracking_uri=self._tracking_uri).log_artifacts(folder)
                else:
                    client.log_artifacts(run_id, folder)

    def write_text(self, run_id: str, artifact: str, content: str) -> None:
        """Write or overwrite a text artifact."""
        with self._border(translated_file) as client:
            client.log_text(run_id, content.encode("utf-8", "replace").decode("utf-8"), artifact)

    def write_file(self, run_id: str, artifact: str, source: Path) -> None:
        """Write or overwrite an artifact with the bytes of a file; `artifact` is `folder/name`."""
        folder, _, name = artifact.rpartition("/")
        with self._border(), tempfile.TemporaryDirectory() as beside:
            # MLflow names an artifact after the file it came from.
            shutil.copyfile(source, Path(beside, name))
            with self._border(translated_file) as client:
                client.log_artifact(run_id, str(Path(beside, name)), folder or None)

    def _artifacts_of(self, sweep: str) -> str | None:
        if self._artifact_root is None:
            return None
        return (place_of(self._artifact_root) / mlflow_names.folder_name(sweep)).as_uri()

    @contextlib.contextmanager
    def _border(self, translate: Callable[[Exception], SweeperError] = translated) -> Iterator[Any]:
        if self._client is None:
            try:
                self._client = _load(self._tracking_uri)
            except Exception as error:
                # Whatever is wrong here (a scheme MLflow lacks, an older database schema) is wrong for every row: they all wait.
                raise TrackingAway(str(translated(error))) from None
        try:
            yield _Permitted(self._client, self)
        except SweeperError:
            raise
        except Exception as error:
            verdict = translate(error)
            if isinstance(verdict, TrackingAway) or (isinstance(verdict, Doubtful) and not self._takes_requests()):
                verdict = TrackingAway(f"{verdict}{asked_by_proxy(self._tracking_uri)}")
            # Not chained: what MLflow says may hold the password of a URL.
            raise verdict from None

    def _takes_requests(self) -> bool:
        """Whether MLflow answers, and writes, something harmless."""
        try:
            self._client.search_experiments(max_results=1)
            if self._known_experiment is not None:
                self._client.set_experiment_tag(self._known_experiment, "sweeper.probed", str(int(time.time())))
        except Exception as error:
            logging.getLogger(__name__).debug("probe failed: %s", translated(error))
            return False
        return True


class _Permitted:
    """MLflow's client, asking before each request whether it may be made."""

    def __init__(self, client: Any, asks: QuietClient) -> None:
        self._client, self._asks = client, asks

    def __getattr__(self, name: str) -> Any:
        self._asks.permit()
        return getattr(self._client, name)


def _load(tracking_uri: str) -> Any:
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # With MLflow's own handlers off, Python would print its warnings, and those of the libraries below it, to stderr.
    for library in ("mlflow", "alembic", "urllib3"):
        logging.getLogger(library).addHandler(logging.NullHandler())
    pass_the_proxy(tracking_uri)
    # Not `catch_warnings`: it swaps the filters of the whole process, and this may be one thread of several.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"(mlflow|alembic)\b")
    return importlib.import_module("mlflow").MlflowClient(tracking_uri=tracking_uri)


def _runs_with(client: Any, experiment_id: str, tags: Mapping[str, str]) -> Iterator[Any]:
    """Every run with exactly these tags, deleted ones too, 1,000 a request."""
    wanted = {name: mlflow_names.text(value, mlflow_names.MAX_TAG) for name, value in tags.items()}
    # A filter has no way to escape quotes: values with any are left out of it, and all are compared here anyway.
    plain = {name: value for name, value in wanted.items() if value.replace("-", "").replace("_", "").isalnum()}
    clauses = " and ".join(f"tags.`{name}` = '{value}'" for name, value in plain.items())
    everything = importlib.import_module("mlflow.entities").ViewType.ALL
    page = None
    while page is None or page:
        found = client.search_runs([experiment_id], clauses, run_view_type=everything, max_results=1000, page_token=page)
        yield from (run for run in found if all(run.data.tags.get(name) == value for name, value in wanted.items()))
        page = found.token or ""


def _by_age(run: Any) -> tuple[bool, int, str]:
    """Deleted ones last, then the oldest first."""
    return (run.info.lifecycle_stage != "active", run.info.start_time, run.info.run_id)


def _spelled(tags: Mapping[str, object]) -> dict[str, str]:
    return {mlflow_names.key(name): mlflow_names.text(value, mlflow_names.MAX_TAG) for name, value in tags.items()}


def _short_batches(texts: Sequence[Any]) -> Iterator[list[Any]]:
    """Tags, or params, in lists that one request takes."""
    batch: list[Any] = []
    length = 0
    for text in texts:
        size = len(text.key) + len(text.value)
        if batch and (len(batch) == PER_BATCH["texts"] or length + size > TEXT_PER_BATCH):
            yield batch
            batch, length = [], 0
        batch.append(text)
        length += size
    if batch:
        yield batch
