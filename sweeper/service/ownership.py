"""Who holds an attempt, and whether that process is surely gone."""

import os
import socket
from pathlib import Path


def this_process() -> str:
    """`host:process:start`: the start time tells a process from a later one with the same number."""
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{_started(pid) or '?'}"


def is_dead(owner: str) -> bool:
    """True only when the owner ran on this host and its process is no more; another host's owner is judged by its lease alone."""
    host, _, process = owner.partition(":")
    pid, _, started = process.partition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it lives, under another user
    now = _started(int(pid))
    return now is not None and started != "?" and now != started


def _started(pid: int) -> str | None:
    """Start time of a process in clock ticks since boot; None where /proc does not tell, or for a dead process not yet reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return f"dead-{fields[19]}" if fields[0] in ("Z", "X") else fields[19]
