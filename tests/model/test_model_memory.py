"""Freed memory stays in the process of a trial, where the allocator can be told so."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = """
import resource, sys, torch
from model.training import memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        activations = [torch.empty(2_000_000).fill_(1) for _ in range(8)]
        del activations
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
before = faults()
memory.keep_freed()
faults()
print(before, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators are left as they are")
def test_what_a_step_frees_is_there_for_the_next_one() -> None:
    root = Path(__file__).parents[2]
    said = subprocess.run([sys.executable, "-c", FAULTS], cwd=root, capture_output=True, text=True, check=True).stdout
    thrown_away, kept = map(int, said.split())
    assert kept < 20 <= thrown_away, "page faults of five times eight tensors of 8 MB"
