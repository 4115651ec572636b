"""Where things are kept: the `SWEEPER_*` environment variables."""

import itertools
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from sweeper.errors import RequestError, nearest
from sweeper.secret_variables import is_secret, is_secret_whole

PREFIX = "SWEEPER_"
URLS = ("SWEEPER_DATABASE_URL", "SWEEPER_MLFLOW_URI")
TOKENS = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD")
"""Variables of MLflow's own, secret as a whole."""
SHORTEST_SECRET = 4
"""Characters: masking a shorter one would eat words."""
SHORTEST_GUESS = 8
"""Characters of what only looks like a secret, by its variable's name or as a URL with a user in it."""
OPEN_OPTIONS = frozenset({"host", "port", "dbname", "user", "sslmode", "connect_timeout", "application_name", "mode"})
"""Options of a URL that may be seen; any other may be a token."""
MLFLOW = "mlflow"
"""The tracker that is built in."""
NO_TRACKERS = "none"
OWN_TRACKER = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
"""A tracker in a user's own module: `package.module:ClassName`."""
_RULES = {
    "float_parsing": "give a number",
    "finite_number": "give a finite number",
    "greater_than_equal": "give a number not below {ge:g}",
    "bool_parsing": "give true or false",
    "value_error": "{error}",
}


class Settings(BaseSettings):
    """Read once per command; every path is absolute, since Ray changes a trial's working directory.

    Raises RequestError that names the variable, and never the value of one that may hold a password.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, allow_inf_nan=False, hide_input_in_errors=True)

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise RequestError(_refusal(error)) from None  # not chained: its inputs may be passwords

    home: Path = Path(".sweeper")
    """SWEEPER_HOME: everything lives under it."""
    database_url: SecretStr | None = Field(default=None)
    """SWEEPER_DATABASE_URL: any SQLAlchemy URL; default is `sweeper.db` under home."""
    mlflow_uri: SecretStr | None = Field(default=None)
    """SWEEPER_MLFLOW_URI: an MLflow server; default is `mlflow.db` under home."""

    lease_seconds: float = Field(default=120.0, ge=1)
    """SWEEPER_LEASE_SECONDS: an attempt without a sign of life for so long may be taken over by another driver; a healthy one gives one
    in time."""
    silence_seconds: float = Field(default=1800.0, ge=1)
    """SWEEPER_SILENCE_SECONDS: a worker that fell silent for so long hangs, and is killed. (Compiling a model is silent, too.)"""
    stop_seconds: float = Field(default=12.0, ge=0)
    """SWEEPER_STOP_SECONDS: after Ctrl-C, seconds for which trials may write a checkpoint and end before they are given up."""
    store_patience: float = Field(default=120.0, ge=0)
    """SWEEPER_STORE_PATIENCE: seconds for which a run waits for a store that does not answer before it pauses."""

    mlflow_pages: bool = True
    """SWEEPER_MLFLOW_PAGES: whether a run, and `sweeper mlflow sync`, puts a sweep's page, plots and samples on its MLflow run. A run posts
    a `PagesEvent` to other trackers only then."""

    trackers: str = MLFLOW
    """SWEEPER_TRACKERS: who is sent every event, separated by commas: mlflow, `package.module:ClassName` of one's own; or none."""

    @field_validator("trackers")
    @classmethod
    def _named(cls, given: str) -> str:
        names = [name.strip() for name in given.split(",")]
        for name in names:
            if name != MLFLOW and not OWN_TRACKER.fullmatch(name) and names != [NO_TRACKERS]:
                near = nearest(name, [MLFLOW, NO_TRACKERS])
                raise ValueError(f"name mlflow, package.module:ClassName of your own, or several separated by commas{near}")
        if len(set(names)) < len(names):
            raise ValueError("name each tracker once")
        return ",".join(names)

    @field_validator("home", "database_url", "mlflow_uri", mode="before")
    @classmethod
    def _text(cls, given: Any) -> Any:
        try:
            return given.encode().decode() if isinstance(given, str) else given
        except UnicodeEncodeError as error:
            raise ValueError("it holds a byte that is no text in UTF-8; write it again") from error

    @field_validator("home", mode="before")
    @classmethod
    def _no_address(cls, given: Any) -> Any:
        if isinstance(given, str) and "://" in given:
            raise ValueError("object storage (SWEEPER_STORAGE) is not supported; give a folder, which every worker sees under one path")
        return given

    @field_validator("home")
    @classmethod
    def _of_somebody(cls, home: Path) -> Path:
        try:
            return home.expanduser()
        except RuntimeError as error:
            raise ValueError("it begins with a user who has no home here; write the whole path") from error

    @property
    def root(self) -> Path:
        """Home, absolute."""
        return self.home.absolute()

    @property
    def trials(self) -> Path:
        """One folder per trial, named by its training fingerprint."""
        return self.root / "trials"

    @property
    def artifacts(self) -> Path:
        """What trials share (classifiers, reference statistics) and MLflow's artifacts."""
        return self.root / "artifacts"

    @property
    def shared(self) -> Path:
        """What trials read of each other: classifiers, reference statistics, decoded pictures."""
        return self.artifacts / "judges"

    @property
    def code(self) -> Path:
        """Copies of users' code, which workers on other nodes import."""
        return self.artifacts / "code"

    @property
    def ray_log(self) -> Path:
        """What Ray wrote of its cluster's faults while runs went on."""
        return self.root / "ray.log"

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the store; may hold a password, so it is never printed."""
        return self.database_url.get_secret_value() if self.database_url else f"sqlite:///{self.root / 'sweeper.db'}"

    @property
    def tracker_names(self) -> tuple[str, ...]:
        """Of the trackers, in the order they are named; empty for none."""
        return () if self.trackers == NO_TRACKERS else tuple(self.trackers.split(","))

    @property
    def tracking_uri(self) -> str:
        """MLflow tracking URI; may hold a password, so it is never printed."""
        return self.mlflow_uri.get_secret_value() if self.mlflow_uri else f"sqlite:///{self.root / 'mlflow.db'}"

    def concealed(self, text: str) -> str:
        """The text with passwords and tokens masked, those of the two URLs and of the environment: for whatever is printed or logged of an
        error of others."""
        ours = [url.get_secret_value() for url in (self.database_url, self.mlflow_uri) if url is not None]
        return _masked((*itertools.chain(*map(_secrets, ours)), *_secrets_of_environment()), text)


def concealed(text: str) -> str:
    """The text with the passwords and tokens of the environment masked, whether or not it makes good settings."""
    return _masked(_secrets_of_environment(), text)


def _secrets_of_environment() -> Iterator[str]:
    """Ours and MLflow's, and what looks like a secret: a user's own tracker has some, too."""
    held = {name.upper(): value for name, value in os.environ.items()}  # pydantic takes names in any case
    for name in URLS:
        yield from _secrets(held.get(name, ""))
    yield from (held.get(name, "") for name in TOKENS)
    for name, value in os.environ.items():
        guesses = [value] if is_secret_whole(name) else _secrets(value) if is_secret(name, value) else ()
        yield from (guess for guess in guesses if len(guess) >= SHORTEST_GUESS)


def without_secrets_of(url: str, text: str) -> str:
    """The text with the password and the tokens of this URL masked."""
    return _masked(_secrets(url), text)


def _masked(secrets: Iterable[str], text: str) -> str:
    for secret in sorted({secret for secret in secrets if len(secret) >= SHORTEST_SECRET}, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _refusal(error: ValidationError) -> str:
    """The first fault: the variable, the rule, and the value where it is no secret."""
    first = error.errors()[0]
    name = PREFIX + str(first["loc"][0]).upper()
    rule = _RULES.get(first["type"], first["msg"]).format(**first.get("ctx", {}))
    return f"{name}: {rule}" if name in URLS else f"{name}: {rule}, not {first['input']}"


def _secrets(url: str) -> Iterator[str]:
    """What of a URL is nobody's business, as it is written and as it is meant."""
    try:
        parts = urlsplit(url)
    except ValueError:  # it may be anywhere
        yield url
        yield from url.replace("@", ":").split(":")
        return
    written = list(_credentials(url))
    for option in parts.query.split("&"):
        name, _, value = option.partition("=")
        written += [] if name in OPEN_OPTIONS else [value]
    for secret in written:
        yield from (secret, unquote(secret))
    yield from (value for name, value in parse_qsl(parts.query) if name not in OPEN_OPTIONS)


def _credentials(url: str) -> Iterator[str]:
    """What stands for a password, up to the last @; one with a raw / ? # or @ is cut there by whoever reads the URL, so its pieces too."""
    scheme, found, rest = url.partition("://")
    rest = rest if found else url
    before = "" if rest.startswith("/") else rest.rpartition("@")[0]
    user, _, password = before.partition(":")
    password = password or (user if scheme.startswith("http") else "")  # a server's token may stand for the user
    yield password
    yield from re.split(r"[@/?#]", password)
