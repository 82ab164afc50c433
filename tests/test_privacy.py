"""Nothing is reported home: no file below HOME and no look-up of a host, whatever is opened."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Stands before the system's resolver: writes down who is looked up, and finds nobody.
RESOLVER = """
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found) {
  FILE *list = fopen(getenv("LOOKUPS"), "a");
  if (list) { fprintf(list, "%s\\n", name ? name : "(none)"); fclose(list); }
  return EAI_NONAME;
}
"""

SESSIONS = {
    "lift": """
import numpy as np
from poselift import Lifter
for precision in ("fp32", "int8"):
    lifter = Lifter("posegraphnet", precision=precision)
    lifter.live(image_size=(100, 100), skeleton="h36m_17")
""",
    "openvino": """
from poselift import Lifter
from poselift.lifting import runtimes
assert ("openvino", "fp32") in runtimes("posegraphnet")
Lifter("posegraphnet", backend="openvino")
""",
    "export": """
from poselift.export import export_onnx
from poselift.models import build, describe
model = build("martinez", {"skeleton": "h36m_17", "width": 8, "blocks": 1}).eval()
architecture, config = describe(model)
card = dict(name="x", architecture=architecture, config=config, skeleton="h36m_17",
            normalisation="person", units="m")
export_onnx(model, card, "model.onnx")
""",
}


def opened(code: str, folder: Path, **environment: str) -> tuple[list[str], str]:
    """Run code with an empty HOME and a resolver that takes notes; return files and look-ups."""
    home, lookups, library = folder / "home", folder / "lookups", folder / "resolver.so"
    home.mkdir(exist_ok=True)
    variables = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        assert not os.environ.get("CI"), "CI needs gcc to stand before the resolver"
        pytest.skip("no C compiler to stand before the resolver")
    (folder / "resolver.c").write_text(RESOLVER)
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", library, folder / "resolver.c"], check=True, timeout=60
    )
    variables |= {"HOME": str(home), "LOOKUPS": str(lookups), "LD_PRELOAD": str(library)}
    variables.pop("XDG_CACHE_HOME", None)
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        timeout=300,
        cwd=folder,
        env=variables | environment,
    )
    files = [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()]
    return files, lookups.read_text() if lookups.exists() else ""


@pytest.mark.parametrize("kind", SESSIONS)
def test_no_session_writes_below_home_or_looks_anyone_up(kind: str, tmp_path: Path) -> None:
    assert opened(SESSIONS[kind], tmp_path) == ([], "")


def test_the_watch_is_awake(tmp_path: Path) -> None:
    """A look-up and a file are seen."""
    code = (
        "import socket, pathlib\n(pathlib.Path.home() / 'x').touch()\n"
        "try: socket.getaddrinfo('a.b', 1)\nexcept OSError: pass"
    )
    assert opened(code, tmp_path) == (["x"], "a.b\n")


def test_what_the_user_has_set_is_kept(tmp_path: Path) -> None:
    code = (
        "import os\nfrom poselift.modelfiles.runtime import load_onnxruntime\nload_onnxruntime()\n"
        "assert os.environ['ORT_DISABLE_TELEMETRY'] == '0'"
    )
    opened(code, tmp_path, ORT_DISABLE_TELEMETRY="0")
