"""Where an attempt ran and with what: recorded with every result."""

import os
import platform
import socket
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "numpy", "ray", "scikit-learn", "pydantic", "safetensors", "sweeper")


def provenance() -> dict[str, Any]:
    """git commit and dirty flag of the code, package versions, Python, host."""
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return {
        "git_commit": commit,
        "git_dirty": None if changes is None else bool(changes),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "process": os.getpid(),
    }


def _git(*arguments: str) -> str | None:
    """Output of a git command in the code's own folder; None where the code is no checkout or git is not there."""
    here = Path(__file__).resolve().parent
    try:
        done = subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
