"""Who holds an attempt, and whether that process is surely gone."""

import contextlib
import functools
import os
import socket
from pathlib import Path


def this_process() -> str:
    """`host:process:start`: the start time tells a process from a later one with the same number."""
    pid = os.getpid()
    return f"{_here()}:{pid}:{_started(pid) or '?'}"


def is_dead(owner: str) -> bool:
    """True only when the owner ran here and its process is no more; one of another host, or container, goes by its lease alone."""
    host, _, process = owner.partition(":")
    pid, _, started = process.partition(":")
    if host != _here() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it lives, under another user
    now = _started(int(pid))
    return now is not None and started != "?" and now != started


@functools.cache
def _here() -> str:
    """Where process numbers mean the same. A host name does not say: containers share one, and copies of a machine have one each."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):  # no Linux
        parts += [Path("/proc/sys/kernel/random/boot_id").read_text()[:8], os.readlink("/proc/self/ns/pid").strip("pid:[]")]
    return "/".join(parts)


def _started(pid: int) -> str | None:
    """Start time of a process in clock ticks since boot; None where /proc does not tell, or for a dead process not yet reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return f"dead-{fields[19]}" if fields[0] in ("Z", "X") else fields[19]
