"""Parquet: the arrays of our .npz as columns of one table; needs pyarrow.

A row is a person in a frame, sorted by frame, then person. Results have

| column | type | content |
| --- | --- | --- |
| frame, person_id | int64 | 0-based frame of the source; who |
| time_s | double | seconds from the start of the source |
| poses_3d | fixed_size_list<float>[3 J] | x y z of each joint, metres, relative to the root joint |
| poses_2d | fixed_size_list<float>[2 J] | x y of each joint, pixels, x right, y down |
| scores | fixed_size_list<float>[J] | confidence of the 2D joints |
| root, root_std | fixed_size_list<float>[3] | metres; only where the path is known |
| contacts, filled | fixed_size_list<float>[2], [J] | 1 while a foot stands; where filled |

and files of keypoints `keypoints` (fixed_size_list<float>[2 J]) in place of poses. What is missing
is NaN. The metadata of the schema say the rest, under the key `poselift` as JSON: joint names and
bones, units, axes, fps, image size, model, weights hash and the history of each person; columns
say their unit and shape themselves. Floats are split into their bytes, which zstd then presses to
four fifths; a row group has 65,536 rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from poselift.errors import PoseliftError, how_to_install
from poselift.io import rows
from poselift.io.arrays import Sink
from poselift.io.fields import read_list, read_object
from poselift.io.native import keypoints_from_arrays
from poselift.io.peek import peek
from poselift.io.results import results_from_arrays
from poselift.poses import TRACKS, Detections, Results
from poselift.skeletons import Skeleton

if TYPE_CHECKING:
    import pyarrow

MAGIC = b"PAR1"

#: Rows that are written, and read, at a time.
GROUP = 1 << 16

#: Numbers of a joint, or of a frame, in each column of lists, and their unit.
_LISTS: dict[str, tuple[int, str]] = {
    "keypoints": (2, "px"),
    "poses_2d": (2, "px"),
    "poses_3d": (3, "m"),
    "scores": (1, ""),
    "root": (3, "m"),
    "root_std": (3, "m"),
    "contacts": (2, ""),
    "filled": (1, ""),
}

#: More than this, unpacked, is refused: what a file holds, and how far it may have been pressed.
_MAX_BYTES, _SLACK, _RATIO = 1 << 30, 100 << 20, 32


def write_parquet(arrays: dict[str, np.ndarray], stream: Sink) -> None:
    """Write what `results.arrays_of` or `native.keypoint_arrays` give.

    Raises `PoseliftError` if pyarrow is not installed.
    """
    pq = _parquet("writing")
    columns = {name: one for name, one in arrays.items() if len(one.shape) and name in _ORDER}
    schema = _schema(columns, arrays)
    floats = [f"{name}.list.element" for name, one in columns.items() if one.ndim > 1]
    with pq.ParquetWriter(
        stream,
        schema,
        compression="zstd",
        use_dictionary=["person_id"],
        use_byte_stream_split=[*floats, "time_s"],
    ) as writer:
        count = len(columns["frame"])
        for start in range(0, count, GROUP):
            part = {name: one[start : start + GROUP] for name, one in columns.items()}
            writer.write_table(_table(part, schema), row_group_size=GROUP)


#: Columns in the order in which they stand in the file.
_ORDER = ("frame", "time_s", "person_id", *_LISTS)


def _schema(columns: dict[str, np.ndarray], arrays: dict[str, np.ndarray]) -> pyarrow.Schema:
    """Return the types of the columns with all that is said of them."""
    import pyarrow as pa

    said: dict[str, Any] = msgspec.json.decode(str(arrays["meta"]))
    if "joint_names" in arrays:
        said["joint_names"] = arrays["joint_names"].tolist()
        said["edges"] = arrays["edges"].tolist()
    fields = []
    for name in (one for one in _ORDER if one in columns):
        one = columns[name]
        kind = pa.int64() if one.dtype.kind == "i" else pa.float64()
        unit = {"time_s": "s"}.get(name, "")
        if one.ndim > 1:
            kind, unit = pa.list_(pa.float32(), int(np.prod(one.shape[1:]))), _LISTS[name][1]
        shape = ",".join(map(str, one.shape[1:]))
        about = {key: value for key, value in (("unit", unit), ("shape", shape)) if value}
        fields.append(pa.field(name, kind, nullable=False, metadata=about or None))
    return pa.schema(fields, metadata={"poselift": rows.dump(said)})


def _table(columns: dict[str, np.ndarray], schema: pyarrow.Schema) -> pyarrow.Table:
    import pyarrow as pa

    made = []
    for field in schema:
        one = columns[field.name]
        if one.ndim > 1:
            flat = pa.array(np.ascontiguousarray(one, np.float32).reshape(-1))
            made.append(pa.FixedSizeListArray.from_arrays(flat, type=field.type))
        else:
            made.append(pa.array(one))
    return pa.Table.from_arrays(made, schema=schema)


def matches(path: Path) -> bool:
    """Tell whether a file is Parquet, from its start."""
    return not path.is_dir() and peek(path).data.startswith(MAGIC)


def read_parquet(path: Path, skeleton: Skeleton | None) -> Detections | Results:
    """Read results or keypoints, a row group at a time.

    skeleton  the joint set, needed only for keypoints of which the file does not name it.

    Raises `PoseliftError` if pyarrow is not installed, for a damaged file, a table that is not
    ours, and one that would unpack to more than 1 GiB or to far more than it is long.
    """
    pq = _parquet("reading")
    where = str(path)
    try:
        # opened here: pyarrow takes no name that is not UTF-8
        with path.open("rb") as stream, pq.ParquetFile(stream) as file:
            _check_size(path, file.metadata)
            said = _said(file.schema_arrow, where)
            arrays = _columns(file, where)
    except PoseliftError:
        raise
    except MemoryError:
        raise PoseliftError(f"{where}: does not fit into the memory") from None
    except Exception as error:  # pyarrow has many kinds
        first = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise PoseliftError(f"{where}: is a damaged Parquet file ({first})") from None
    arrays["meta"] = np.array(rows.dump(said).decode())
    if "keypoints" in arrays:
        return keypoints_from_arrays(arrays, where, skeleton)
    names = read_list(said.get("joint_names"), '"joint_names"', where)
    arrays["joint_names"] = np.array(list(map(str, names)))
    try:
        edges = np.array(said.get("edges"), np.int64).reshape(-1, 2)
    except (TypeError, ValueError, OverflowError):
        raise PoseliftError(f"{where}: expected edges as pairs of joint numbers") from None
    return results_from_arrays({**arrays, "edges": edges}, where)


def _parquet(doing: str) -> Any:
    """Import pyarrow's part for Parquet; `PoseliftError` if it is not there."""
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise PoseliftError(
            f"{doing} .parquet needs pyarrow, install it with: {how_to_install('parquet')}"
        ) from None
    return pq


def _check_size(path: Path, metadata: Any) -> None:
    """Refuse files that would unpack to more than they can honestly hold."""
    groups = range(metadata.num_row_groups)
    size = sum(metadata.row_group(group).total_byte_size for group in groups)
    if size > min(_MAX_BYTES, _SLACK + _RATIO * path.stat().st_size):
        raise PoseliftError(
            f"{path}: {size / 2**30:.2f} GiB of poses in a file of {path.stat().st_size} bytes is "
            "more than is read at once (1 GiB, or 32 times the file), split it"
        )


def _said(schema: pyarrow.Schema, where: str) -> dict[str, Any]:
    """Return the facts in the schema's metadata."""
    text = (schema.metadata or {}).get(b"poselift")
    if text is None:
        raise PoseliftError(
            f"{where}: is a Parquet file without poselift's facts in its metadata, expected one "
            "that poselift has written"
        )
    try:
        return read_object(msgspec.json.decode(text), f"{where}, metadata")
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise PoseliftError(f"{where}: its metadata are not JSON ({error})"[:300]) from None


def joints_in(schema: pyarrow.Schema, where: str) -> tuple[str, ...]:
    """Return the joints' names of a file of keypoints, from its schema; none if they are left open.

    Raises `PoseliftError` if these are no keypoints of ours.
    """
    said = _said(schema, where)
    if "keypoints" not in schema.names:
        raise PoseliftError(
            f"{where}: expected a column keypoints, found {', '.join(schema.names) or 'none'}"
        )
    _width(schema.field("keypoints"), where)
    names = said.get("joint_names")
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _width(field: pyarrow.Field, where: str) -> int:
    """Return the numbers in each row of a column of lists; `PoseliftError` if it is none."""
    import pyarrow as pa

    width, each = getattr(field.type, "list_size", -1), _LISTS[field.name][0]
    if width < 1 or width % each or field.type.value_type != pa.float32():
        raise PoseliftError(
            f"{where}: expected column {field.name} as fixed_size_list<float> of {each} "
            f"numbers for each joint, got {field.type}"
        )
    return int(width)


def _columns(file: Any, where: str) -> dict[str, np.ndarray]:
    """Return the columns that are ours as arrays, filled a row group at a time."""
    import pyarrow as pa

    count, found = file.metadata.num_rows, {}
    for field in file.schema_arrow:
        if field.name not in _ORDER:
            continue
        if field.name not in _LISTS:
            whole = field.name != "time_s"
            if field.type != (pa.int64() if whole else pa.float64()):
                raise PoseliftError(
                    f"{where}: expected column {field.name} as "
                    f"{'int64' if whole else 'double'}, got {field.type}"
                )
            found[field.name] = np.empty(count, np.int64 if whole else np.float64)
            continue
        width, each = _width(field, where), _LISTS[field.name][0]
        alone = field.name in TRACKS and "J" not in TRACKS[field.name]
        shape = (each,) if alone or each == 1 else (width // each, each)
        found[field.name] = np.empty((count, *(shape if each > 1 else (width,))), np.float32)
        if alone and width != each:
            raise PoseliftError(f"{where}: expected {each} numbers in {field.name}, got {width}")
    if "poses_3d" not in found and "keypoints" not in found:
        raise PoseliftError(f"{where}: expected a column poses_3d or keypoints")
    start = 0
    for batch in file.iter_batches(batch_size=GROUP, columns=list(found)):
        for name, target in found.items():
            column = batch.column(name)
            if column.null_count:
                raise PoseliftError(f"{where}: column {name} has empty entries, expected NaN")
            values = column.flatten() if name in _LISTS else column
            part = values.to_numpy(zero_copy_only=False)
            target[start : start + len(batch)] = part.reshape(len(batch), *target.shape[1:])
        start += len(batch)
    if start != count:
        raise PoseliftError(f"{where}: expected {count} rows, found {start}")
    return found
