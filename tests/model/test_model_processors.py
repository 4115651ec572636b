"""Golden values hold on other processors: the files that hold them, run again with fewer vector instructions.

Without any (`default`) torch computes as it does on other kinds of processor. What the machine would choose anyway is not run twice.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

FILES = tuple(f"test_model_{name}.py" for name in ("golden_distances", "golden_losses", "golden_samples", "random_bits"))


@pytest.mark.parametrize("capability", ["avx2", "default"])
def test_golden_values_are_those_of_any_processor(capability: str) -> None:
    usual = torch.backends.cpu.get_cpu_capability()
    if usual not in ("AVX2", "AVX512"):
        pytest.skip(f"a processor of {usual} has no such choice; it runs the files as they are")
    if usual == capability.upper():
        pytest.skip(f"{capability} is what this processor takes anyway")
    files = [str(Path(__file__).with_name(name)) for name in FILES]
    chosen = "import sys, pytest, torch; print(torch.backends.cpu.get_cpu_capability()); sys.exit(pytest.main(sys.argv[1:]))"
    ran = subprocess.run(
        [sys.executable, "-c", chosen, "-n", "0", "-q", "-p", "no:cacheprovider", *files],
        env=os.environ | {"ATEN_CPU_CAPABILITY": capability},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.splitlines()[:1] == [capability.upper()]
    assert ran.returncode == 0, ran.stdout + ran.stderr
