"""A full disk without one: stands before the system's `write`, below one folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
ssize_t write(int file, const void *data, size_t count) {
  static ssize_t (*real)(int, const void *, size_t);
  if (!real) real = dlsym(RTLD_NEXT, "write");
  const char *folder = getenv("FULL_BELOW"), *room = getenv("FULL_FROM");
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = folder && room ? readlink(link, path, sizeof path - 1) : -1;
  if (length > 0) {
    path[length] = 0;
    struct stat about;
    int below = !strncmp(path, folder, strlen(folder));
    if (below && !fstat(file, &about) && about.st_size + (off_t)count > atol(room)) {
      errno = ENOSPC;
      return -1;
    }
  }
  return real(file, data, count);
}
"""


def full_disk(folder: Path, below: Path, room: int) -> dict[str, str]:
    """Environment for a process whose files below a folder cannot have more than `room` bytes.

    What is larger fails as on a full disk.
    """
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        assert not os.environ.get("CI"), "CI needs gcc to fill a disk"
        pytest.skip("no C compiler to stand before the system's write")
    (folder / "full.c").write_text(_SHIM)
    library = folder / "full.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", library, folder / "full.c", "-ldl"],
        check=True,
        timeout=60,
    )
    return {
        "LD_PRELOAD": str(library),
        "FULL_BELOW": str(below.resolve()),
        "FULL_FROM": str(room),
    }
