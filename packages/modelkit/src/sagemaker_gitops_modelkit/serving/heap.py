"""The C library's heap, told to keep what a batch has freed for the batch that follows."""

import ctypes

# mallopt's parameters and its largest threshold, from <malloc.h>: https://man7.org/linux/man-pages/man3/mallopt.3.html
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 32 * 1024 * 1024


def keep_freed_memory() -> None:
    """Keep up to 32 MiB; given back to the kernel, each batch of 10,000 rows would fetch 1,400 pages anew."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # only glibc has it
        return
    mallopt(TRIM_THRESHOLD, KEPT_BYTES)
    mallopt(MMAP_THRESHOLD, KEPT_BYTES)
