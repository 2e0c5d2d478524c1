"""What the serving process keeps of the memory that a batch has freed."""

import ctypes
import subprocess
import sys

import pytest
from sagemaker_gitops_modelkit.gates.server import SERVE

FAULTS_OF_BATCHES = """
import resource

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        [bytearray(100_000) for _ in range(200)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="only glibc can be told")
def test_freed_memory_serves_the_next_batch() -> None:
    """Batches of 20 MB fetch their pages from the kernel once, not each time."""
    given_back = _faults("")

    kept = _faults("from sagemaker_gitops_modelkit.serving.heap import keep_freed_memory; keep_freed_memory()")

    # 20 MB are 4,900 pages, fetched by every batch; how many at once differs from kernel to kernel.
    assert 0 < kept < given_back / 4


def _faults(before: str) -> int:
    code = f"{before}\n{FAULTS_OF_BATCHES}\nprint(faults())"
    done = subprocess.run([sys.executable, "-c", code], cwd=SERVE.parent, capture_output=True, text=True, check=True)
    return int(done.stdout)
