"""`poselift formats`: what can be read and written."""

from __future__ import annotations

import typer


def formats() -> None:
    """List the formats that can be read and written."""
    from poselift.io.registry import all_formats

    for entry in all_formats():
        reads, writes = entry.read is not None, (entry.write or entry.write_2d) is not None
        ways = " and ".join([*["read"] * reads, *["written"] * writes])
        typer.echo(f"{entry.name:16} {ways:17} {entry.summary}")
