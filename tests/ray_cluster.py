"""A Ray cluster of its own for tests: its start takes longer than a small sweep."""

import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator

CLUSTER = """
import sys, ray
for left in (2, 1, 0):  # Ray gives its start half a minute, which a busy machine may take
    try:
        found = ray.init(address="local", num_cpus=int(sys.argv[1]), include_dashboard=False, log_to_driver=False)
        break
    except Exception as error:
        if not left or "timed out during startup" not in str(error):
            raise
print(found.address_info["gcs_address"], flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def ray_cluster(cpus: int) -> Iterator[dict[str, str]]:
    """The environment variables that join it."""
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    environment = os.environ | token | {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(
        [sys.executable, "-c", CLUSTER, str(cpus)], env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as ray:
        assert ray.stdin is not None
        assert ray.stdout is not None
        try:
            address = ray.stdout.readline().strip()
            assert address, "Ray did not start"
            yield token | {"RAY_ADDRESS": address}
        finally:
            ray.stdin.close()
            ray.wait(timeout=300)
