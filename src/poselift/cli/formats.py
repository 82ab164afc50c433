"""`poselift formats`: what can be read and written."""

from __future__ import annotations

import typer


def formats() -> None:
    """List formats: what is read and written, how it is recognised, what it holds; joint sets."""
    from poselift.io.registry import all_formats
    from poselift.skeletons import get_skeleton, skeleton_names

    for entry in all_formats():
        reads, writes = entry.read is not None, (entry.write or entry.write_2d) is not None
        ways = " and ".join([*["read"] * reads, *["written"] * writes])
        persons = "one person a file" if entry.persons == "one" else "many persons"
        typer.echo(f"{entry.name:16} {ways:17} {entry.summary}")
        typer.echo(f"{'':16} {entry.holds}, {persons}; {', '.join(entry.suffixes)}")
        if entry.recognised:
            typer.echo(f"{'':16} recognised: {entry.recognised}")
    typer.echo("\njoint sets (--skeleton, --to):")
    for name in skeleton_names():
        joints = get_skeleton(name).joints
        typer.echo(f"{name:18} {len(joints)} joints: {', '.join(joints[:5])}, ...")
