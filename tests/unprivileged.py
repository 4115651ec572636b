"""For tests of what may not be written: root may write everything, unless it gives that up."""

import os
import shutil

import pytest


def unprivileged() -> list[str]:
    """What to put before a command so that the permissions of files hold for it; skips where root cannot give them up."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everything, and setpriv is not here to give that up")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
