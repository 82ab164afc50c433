"""Nothing is reported home: no file below HOME and no look-up of a host, whatever is opened."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Stands before the system's resolver and its sockets: writes down who is looked up or called.
RESOLVER = """
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static void note(const char *words) {
  FILE *list = fopen(getenv("LOOKUPS"), "a");
  if (list) { fprintf(list, "%s\\n", words ? words : "(none)"); fclose(list); }
}
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found) { note(name); return EAI_NONAME; }
struct hostent *gethostbyname(const char *name) { note(name); return 0; }
int gethostbyname_r(const char *name, struct hostent *one, char *buffer, size_t size,
                    struct hostent **found, int *error) {
  note(name); *found = 0; *error = HOST_NOT_FOUND; return 0;
}
int gethostbyaddr_r(const void *at, socklen_t length, int kind, struct hostent *one, char *buffer,
                    size_t size, struct hostent **found, int *error) {
  note("(who has an address)"); *found = 0; *error = HOST_NOT_FOUND; return 0;
}
static void look(const struct sockaddr *to) {
  char text[64] = "";
  if (to && to->sa_family == AF_INET)
    inet_ntop(AF_INET, &((struct sockaddr_in *)to)->sin_addr, text, sizeof text);
  if (to && to->sa_family == AF_INET6)
    inet_ntop(AF_INET6, &((struct sockaddr_in6 *)to)->sin6_addr, text, sizeof text);
  if (text[0] && strncmp(text, "127.", 4) && strcmp(text, "::1")) note(text);
}
int connect(int line, const struct sockaddr *to, socklen_t length) {
  int (*next)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
  look(to);
  return next(line, to, length);
}
ssize_t sendto(int line, const void *data, size_t size, int flags, const struct sockaddr *to,
               socklen_t length) {
  ssize_t (*next)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) =
      dlsym(RTLD_NEXT, "sendto");
  look(to);
  return next(line, data, size, flags, to, length);
}
"""

EXAMPLE = Path(__file__).parents[1] / "examples" / "balancing.mp4"

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
    "detect": f"""
from poselift.detection import Video, open_detector, record
for name in ("movenet", "multipose"):
    with Video({str(EXAMPLE)!r}, trim=(0.0, 0.1)) as video:
        record(video, open_detector(name))
""",
    "live page": """
import numpy as np
from poselift.skeletons import COCO_17, H36M_17
from poselift.viewer import LivePage, LivePerson
with LivePage("camera", COCO_17, H36M_17, (640, 480)) as page:
    page.show([LivePerson(0, np.zeros((17, 2)), np.zeros((17, 3)))])
    assert page.address.startswith("http://127.0.0.1:")
""",
    "train": """
import sys
from poselift.cli import main
# a grid, since its loops are compiled
sys.argv = ["poselift", "train", "gln", "--data", "synthetic", "--epochs", "1",
            "--samples", "32", "--batch-size", "16", "--threads", "1", "--out", "run"]
try:
    main()
except SystemExit as stopped:
    assert not stopped.code, stopped.code
assert list(__import__("pathlib").Path("run/tensorboard").iterdir())
""",
    "every format": """
import sys
from poselift.cli import main
from poselift.io.registry import writers
outputs = [word for suffix in writers() if suffix != ".mp4" for word in ("-o", f"out/x{suffix}")]
sys.argv = ["poselift", "lift", "walk.json", "--root", "--world", *outputs]
try:
    main()
except SystemExit as stopped:
    assert not stopped.code, stopped.code
sys.argv = ["poselift", "angles", "out/x.npz", "-o", "out/a.html", "-o", "out/a.parquet"]
try:
    main()
except SystemExit as stopped:
    assert not stopped.code, stopped.code
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
        [compiler, "-shared", "-fPIC", "-o", library, folder / "resolver.c", "-ldl"],
        check=True,
        timeout=60,
    )
    variables |= {"HOME": str(home), "LOOKUPS": str(lookups), "LD_PRELOAD": str(library)}
    variables.pop("XDG_CACHE_HOME", None)
    shutil.copy(EXAMPLE.with_name("walk.json"), folder)
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
    """A look-up in any way, a call and a file are seen."""
    code = """
import contextlib, socket, pathlib
(pathlib.Path.home() / "x").touch()
line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for call in (lambda: socket.getaddrinfo("a.b", 1), lambda: socket.gethostbyaddr("192.0.2.1"),
             lambda: line.connect(("192.0.2.7", 9)), lambda: line.sendto(b"", ("192.0.2.8", 9))):
    with contextlib.suppress(OSError):
        call()
"""
    files, said = opened(code, tmp_path)
    assert files == ["x"]
    assert {"a.b", "192.0.2.7", "192.0.2.8"} <= set(said.split())


def test_what_the_user_has_set_is_kept(tmp_path: Path) -> None:
    code = (
        "import os\nfrom poselift.modelfiles.runtime import load_onnxruntime\nload_onnxruntime()\n"
        "assert os.environ['ORT_DISABLE_TELEMETRY'] == '0'"
    )
    opened(code, tmp_path, ORT_DISABLE_TELEMETRY="0")
