"""The video on the page: put into it, or played from where it lies."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from poselift.errors import PoseliftError

#: Bytes of a video that are put into the page; a larger one stays beside it.
EMBED_LIMIT = 24_000_000

#: How videos that browsers play begin: the place of the letters, the letters, what it is called.
#: The atoms are those that an MP4 or QuickTime file may have first.
_KINDS = (
    *((4, atom, "video/mp4") for atom in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
    (0, b"OggS", "video/ogg"),
)
PLAYED = "MP4, WebM or Ogg"


@dataclass(frozen=True)
class Film:
    """A video on the page: its bytes, or the address of the file."""

    kind: str
    data: bytes = b""
    link: str = ""


def kind_of(path: Path) -> str | None:
    """Return what a browser calls a video of this kind, None if browsers do not play it.

    Raises `PoseliftError` if there is no such file or it cannot be read.
    """
    if not path.is_file():
        raise PoseliftError(f"{path}: there is no such video")
    try:
        with path.open("rb") as stream:
            start = stream.read(16)
    except OSError as error:
        raise PoseliftError(f"{path}: cannot be read ({error.strerror})") from None
    return next((kind for at, mark, kind in _KINDS if start[at:].startswith(mark)), None)


def open_film(path: Path, folder: Path | None) -> Film | None:
    """Read a video, or find the way to it from the page's `folder` (default: the video's own).

    Returns None if browsers do not play its kind. Raises `PoseliftError` if it is not there.
    """
    kind = kind_of(path)
    if kind is None:
        return None
    if path.stat().st_size <= EMBED_LIMIT:
        return Film(kind, data=path.read_bytes())
    try:
        way = os.path.relpath(path, folder or path.parent)
    except ValueError:  # on another drive
        raise PoseliftError(
            f"{path}: is too large to be put into the page, and no relative path leads to it "
            f"from {folder}"
        ) from None
    return Film(kind, link=quote(os.fsencode(Path(way).as_posix())))
