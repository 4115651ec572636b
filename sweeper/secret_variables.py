"""Environment variables that look like secrets, and keeping them from processes that have no need of them."""

import contextlib
import os
import re
from collections.abc import Collection, Iterator

_NAME = re.compile(
    r"SECRET|TOKEN(?!IZ)|PASSWORD|PASSWD|PASSPHRASE|API_?KEY|CREDENTIAL"
    r"|(?:^|_)(?:PASS|PWD|KEYS?|CREDS?|AUTH|JWT|PAT|SAS|DSN|COOKIE|WEBHOOK|CONNECTION_?STRING|CONN_?STR)(?:_|$)",
    re.IGNORECASE,
)
_NAME_OF_URL = re.compile(r"(?:^|_)(?:DATABASE_URL|MLFLOW_URI|MLFLOW_TRACKING_URI)(?:_|$)", re.IGNORECASE)
"""Of a place with a password in its URL, perhaps."""
_NO_SECRETS = frozenset({"PWD", "OLDPWD"})
"""The current folder and the one before."""
_WITH_PASSWORD = re.compile(r"[a-z][a-z0-9+.\-]*://[^/\s]*@", re.IGNORECASE)
"""A URL with a user in it, of whatever variable: a proxy's, a package index's."""
DOWNLOADS = frozenset(
    {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}
)
"""What a worker needs that downloads weights."""


def is_secret(name: str, value: str) -> bool:
    """Whether a variable looks like a secret, by its name or as a URL with a user in it."""
    if not value or name in _NO_SECRETS:
        return False
    return is_secret_whole(name) or _NAME_OF_URL.search(name) is not None or _WITH_PASSWORD.match(value) is not None


def is_secret_whole(name: str) -> bool:
    """Whether all of such a variable's value is secret, rather than the password in a URL."""
    return name not in _NO_SECRETS and _NAME.search(name) is not None


@contextlib.contextmanager
def secrets_kept(*, needed: Collection[str] = (), but: tuple[str, ...] = ("RAY_",)) -> Iterator[None]:
    """Inside, this process's environment lacks its secrets.

    Args:
        needed: Names that stay all the same.
        but: Beginnings of names that stay all the same; Ray's own are how its processes know each other.
    """
    kept = {name: value for name, value in os.environ.items() if is_secret(name, value) and name not in needed and not name.startswith(but)}
    for name in kept:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(kept)
