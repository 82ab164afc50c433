"""Pickles are read without running them: what is admitted comes back, everything else is named."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poselift.errors import PoseliftError
from poselift.pickles.arrayfile import read_npz
from poselift.pickles.torchfile import read_torch
from poselift.pickles.unpickle import read_pickle
from python2_pickles import python2_pickle

Writer = Callable[[Path, Any], None]


def as_pickle(path: Path, value: Any, protocol: int = 4) -> None:
    path.write_bytes(pickle.dumps(value, protocol=protocol))


def as_npz(path: Path, value: Any) -> None:
    holder = np.empty((), dtype=object)
    holder[()] = value
    with path.open("wb") as stream:
        np.savez_compressed(stream, value=holder)


def as_torch(path: Path, value: Any) -> None:
    torch = pytest.importorskip("torch")
    torch.save(value, path)


def as_old_torch(path: Path, value: Any) -> None:
    torch = pytest.importorskip("torch")
    torch.save(value, path, _use_new_zipfile_serialization=False)


def read_value(path: Path) -> Any:
    return read_npz(path, ["value"])["value"]


FORMATS = {
    "pickle": (as_pickle, read_pickle),
    "npz": (as_npz, read_value),
    "torch": (as_torch, read_torch),
    "old torch": (as_old_torch, read_torch),
}
each_format = pytest.mark.parametrize("kind", FORMATS)


def plain_things() -> dict:
    grid = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    objects = np.empty((2, 2), dtype=object)
    objects[:] = [[{"a": grid}, None], ["text", (1, 2.5)]]
    return {
        "array": grid,
        "fortran": np.asfortranarray(grid),
        "exchanged": grid.transpose(1, 0, 2),
        "big endian": grid.astype(">f8"),
        "kinds": [np.arange(2, dtype=kind) for kind in ("?", "i1", "u2", "i8", "f2", "c16")],
        "text": np.array(["S1", "S11"]),
        "bytes": np.array([b"ab", b"c"]),
        "empty": np.empty((0, 17, 2), dtype=np.float32),
        "objects": objects,
        "scalar": np.float64(0.25),
        "plain": [1, -(2**80), 2.5, True, None, "é", b"\x00\xff", b"", ("S9", "Walking 1")],
        ("S1", "54138969"): {"w": 1000},
    }


def assert_same(got: Any, expected: Any) -> None:
    assert type(got) is type(expected)
    if isinstance(expected, np.ndarray):
        assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
        if expected.dtype != object:
            np.testing.assert_array_equal(got, expected)
        else:
            assert_same(got.tolist(), expected.tolist())
    elif isinstance(expected, dict):
        assert list(got) == list(expected)
        assert_same(list(got.values()), list(expected.values()))
    elif isinstance(expected, list | tuple):
        assert len(got) == len(expected)
        for one, other in zip(got, expected, strict=True):
            assert_same(one, other)
    else:
        assert got == expected


@each_format
def test_arrays_and_plain_python_come_back(kind: str, tmp_path: Path) -> None:
    write, read = FORMATS[kind]
    write(tmp_path / "file", plain_things())
    assert_same(read(tmp_path / "file"), plain_things())


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_is_read(protocol: int, tmp_path: Path) -> None:
    as_pickle(tmp_path / "file", plain_things(), protocol)
    assert_same(read_pickle(tmp_path / "file"), plain_things())


@pytest.mark.parametrize("protocol", [2, 4])
def test_files_of_numpy_1_are_read(protocol: int, tmp_path: Path) -> None:
    data = pickle.dumps({"a": np.arange(4.0)}, protocol=protocol)
    old = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert old != data
    if protocol == 4:  # the name's length and the frame's
        old = old.replace(b"\x8c\x16numpy.core", b"\x8c\x15numpy.core")
        old = old[:3] + struct.pack("<Q", len(old) - 11) + old[11:]
    (tmp_path / "file").write_bytes(old)
    assert_same(read_pickle(tmp_path / "file"), {"a": np.arange(4.0)})


def test_python_2_wrote_bytes_as_text(tmp_path: Path) -> None:
    array = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)
    expected = {("S9", "Walking", "Walking.54138969"): {"joint_3d": array, "camera": [1145.5]}}
    (tmp_path / "file").write_bytes(python2_pickle(expected))
    assert_same(read_pickle(tmp_path / "file"), expected)


@pytest.mark.parametrize("kind", ["torch", "old torch"])
def test_tensors_become_arrays(kind: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    write, read = FORMATS[kind]
    whole = torch.arange(24.0).reshape(4, 6)
    kinds = ("float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")
    tensors = [whole, whole[1:, ::2], whole.t(), torch.zeros(0, 3), torch.tensor(7.0)]
    tensors += [torch.arange(3).to(getattr(torch, name)) for name in kinds]
    write(tmp_path / "file", {"tensors": tensors})
    got = read(tmp_path / "file")
    assert_same(got, {"tensors": [tensor.numpy() for tensor in tensors]})


def test_a_tensor_cannot_reach_beyond_its_numbers(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    as_torch(tmp_path / "good", torch.zeros(5))
    with (
        zipfile.ZipFile(tmp_path / "good") as good,
        zipfile.ZipFile(tmp_path / "bad", "w") as bad,
    ):
        for name in good.namelist():
            content = good.read(name)
            if name.endswith("data.pkl"):
                assert content.count(b"K\x05\x85") == 1  # size (5,)
                content = content.replace(b"K\x05\x85", b"K\x06\x85")
            bad.writestr(name, content)
    with pytest.raises(PoseliftError, match="a tensor reaches beyond its numbers"):
        read_torch(tmp_path / "bad")


class Runs:
    """Pickled as a call of any function; `name` overrides what the file says it is."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None) -> None:
        self.call = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> tuple:
        return self.call


def hostile(marker: Path) -> dict[str, Any]:
    """Objects that touch `marker` when a careless reader loads them, or reach for more."""
    touch = f"open({str(marker)!r}, 'w').close()"
    system = Runs(os.system, f"touch {marker}")
    objects = np.empty(1, dtype=object)
    objects[0] = system
    return {
        "posix.system": system,
        "builtins.eval": Runs(eval, touch),
        "builtins.exec": {"nested": [("deeper", Runs(exec, touch))]},
        "shutil.copyfile": Runs(shutil.copyfile, __file__, str(marker)),
        "builtins.getattr": Runs(getattr, np.ndarray, "tofile"),
        "numpy.load": Runs(np.load, str(marker)),
        "numpy.savetxt": Runs(np.savetxt, str(marker), [1.0]),
        "numpy.fromfile": Runs(np.fromfile, str(marker)),
        "numpy.frombuffer": Runs(np.frombuffer, b"12345678"),
        "numpy.core.multiarray.where": b"cnumpy.core.multiarray\nwhere\n.",
        "numpy.ndarray.tofile": b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.",
        "two\\nlines.x": b"\x80\x04\x8c\x09two\nlines\x8c\x01x\x93.",
        "numpy.matrix": b"cnumpy\nmatrix\n.",
        "os.system": b"cos\nsystem\n(S'touch %s'\ntR." % str(marker).encode(),
        "__builtin__.eval": b"c__builtin__\neval\n(S'%s'\ntR." % touch.encode("unicode_escape"),
        "collections.OrderedDict": b"ccollections\nOrderedDict\n)R.",
        "posix.system ": objects,
    }


CASES = [
    (kind, name)
    for name, value in hostile(Path("marker")).items()
    for kind in FORMATS
    if kind == "pickle" or not isinstance(value, bytes)  # bytes are opcodes made by hand
]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_nothing_else_runs(kind: str, name: str, tmp_path: Path) -> None:
    marker, path = tmp_path / "marker", tmp_path / "file"
    value = hostile(marker)[name]
    write, read = FORMATS[kind]
    if isinstance(value, bytes):
        path.write_bytes(value)
    else:
        write(path, value)
    with pytest.raises(PoseliftError) as caught:
        read(path)
    assert not marker.exists()
    if "torch" in kind:  # it writes protocol 2, with the names of Python 2
        name = name.replace("builtins.", "__builtin__.")
    assert str(caught.value) == (
        f"{path}: asks to run {name.strip()}, only NumPy arrays, dict, list, tuple, str, bytes "
        "and numbers are admitted"
    )


def test_the_hostile_files_would_have_run(tmp_path: Path) -> None:
    """Python's own reader does run them, so that the test above can fail."""
    marker = tmp_path / "marker"
    for name in ("posix.system", "builtins.eval", "os.system", "__builtin__.eval"):
        value = hostile(marker)[name]
        pickle.loads(value if isinstance(value, bytes) else pickle.dumps(value))
        assert marker.exists(), name
        marker.unlink()


def numpy_call(function: bytes, arguments: bytes, state: bytes = b"") -> bytes:
    built = state + b"b" if state else b""
    return b"c%s\n" % function + arguments + b"R" + built + b"."


ARRAY = b"(cnumpy\nndarray\n(K\x00tS'b'\nt"
OBJECTS = b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR"
FLOATS = b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "exhausted before seeing STOP"),
        (b"not a pickle", ""),
        (pickle.dumps([np.arange(9.0)])[:-20], ""),
        (b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f", ""),
        # a dtype whose fields say "object" while its flags say "numbers" forges pointers
        (
            numpy_call(
                b"numpy\ndtype",
                b"(S'V8'\nI0\nI1\nt",
                b"(I3\nS'|'\nN(S'a'\nt}S'a'\n(cnumpy\ndtype\n(S'O8'\nI0\nI1\ntRI0\ntsI8\nI1\nI0\nt",
            ),
            "the data type 'V8'",
        ),
        (
            numpy_call(
                b"numpy\ndtype",
                b"(S'f8'\nI0\nI1\nt",
                b"(I3\nS'<'\nN(S'a'\nt}S'a'\n(NI0\ntsI8\nI1\nI0\nt",
            ),
            "a data type with fields",
        ),
        (numpy_call(b"numpy\ndtype", b"((lt"), "the data type"),
        (
            numpy_call(
                b"numpy.core.multiarray\n_reconstruct",
                ARRAY,
                b"(I1\n(I9\nt" + FLOATS + b"I00\nS'12345678'\nt",
            ),
            "cannot reshape",
        ),
        (
            numpy_call(
                b"numpy.core.multiarray\n_reconstruct",
                ARRAY,
                b"(I1\n(I1\ntcnumpy\ndtype\n(S'O8'\nI0\nI1\ntRI00\nS'12345678'\nt",
            ),
            "an array of objects without a list",
        ),
        (
            numpy_call(b"numpy.core.multiarray\nscalar", b"(" + OBJECTS + b"I1\nt"),
            "a scalar without a data type of numbers",
        ),
        (numpy_call(b"numpy.core.multiarray\n_reconstruct", ARRAY), "an array without contents"),
        (numpy_call(b"numpy\nndarray", b"((I1\ntt"), ""),
        (numpy_call(b"_codecs\nencode", b"(S'eval'\nS'rot13'\nt"), "expected latin1"),
        # the functions themselves cannot be changed
        (b"c_codecs\nencode\nN}S'__defaults__'\n(S'x'\nts\x86b.", "nothing to set here"),
        (FLOATS + b"}S'dtype'\nI1\nsb.", ""),
        (b"S'key'\nQ.", "a reference to something outside the file"),
        (b"(" * 20 + b"]" * 3 + b"t.", ""),
    ],
)
def test_damaged_files_are_refused_in_a_sentence(data: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    if data.endswith(b"]]]t."):
        assert read_pickle(path) == ([], [], [])
        return
    with pytest.raises(PoseliftError) as caught:
        read_pickle(path)
    assert str(caught.value).startswith(
        f"{path}: cannot be read; it is cut short, damaged or of another kind ("
    )
    assert reason in str(caught.value)


def test_sets_and_depth_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    as_pickle(path, {1, 2})
    with pytest.raises(PoseliftError, match="holds a set, only NumPy arrays"):
        read_pickle(path)
    path.write_bytes(b"\x80\x02" + b"]" * 20_000 + b"a" * 19_999 + b".")
    with pytest.raises(PoseliftError, match="cannot be read"):
        read_pickle(path)


def test_what_is_shared_or_holds_itself_ends(tmp_path: Path) -> None:
    path = tmp_path / "file"
    loop: list = [1]
    loop.append(loop)
    shared: list = []
    for _ in range(60):  # 2**60 lists, were each reference followed
        shared = [shared, shared]
    as_pickle(path, [loop, shared])
    got = read_pickle(path)
    assert got[0][1] is got[0]
    assert got[1][0] is got[1][1]


@pytest.mark.parametrize("kind", ["npz", "torch", "old torch"])
def test_truncated_archives_are_refused(kind: str, tmp_path: Path) -> None:
    write, read = FORMATS[kind]
    write(tmp_path / "whole", {"a": np.arange(1000.0), "b": [1, 2]})
    data = (tmp_path / "whole").read_bytes()
    cut = tmp_path / "cut"
    for length in (0, 1, 30, len(data) // 2, len(data) - 9):
        cut.write_bytes(data[:length])
        with pytest.raises(PoseliftError, match="cut: "):
            read(cut)


def test_damage_inside_an_archive_is_found(tmp_path: Path) -> None:
    np.savez(tmp_path / "whole.npz", value=np.arange(1000.0))
    data = bytearray((tmp_path / "whole.npz").read_bytes())
    data[5000] ^= 1
    (tmp_path / "bad.npz").write_bytes(data)
    with pytest.raises(PoseliftError, match=r"bad\.npz: expected a \.npz file \(Bad CRC-32"):
        read_value(tmp_path / "bad.npz")


def test_missing_files_and_entries_are_named(tmp_path: Path) -> None:
    for read in (read_pickle, read_torch, read_value):
        with pytest.raises(PoseliftError, match=r"nothing: no such file"):
            read(tmp_path / "nothing")
    np.savez(tmp_path / "other.npz", x=np.arange(3), y=np.arange(2))
    with pytest.raises(PoseliftError, match=r"expected an array 'value', found x, y"):
        read_value(tmp_path / "other.npz")
    assert list(read_npz(tmp_path / "other.npz", ["x"], optional=["y", "z"])) == ["x", "y"]
    with pytest.raises(PoseliftError, match=r"cannot be read \(Is a directory\)"):
        read_pickle(tmp_path)


def test_other_archives_are_no_torch_files(tmp_path: Path) -> None:
    np.savez(tmp_path / "arrays", x=np.arange(3))
    with pytest.raises(PoseliftError, match=r"expected a file of torch\.save, found another"):
        read_torch(tmp_path / "arrays.npz")
    as_pickle(tmp_path / "pickle", {"a": 1})
    with pytest.raises(PoseliftError, match=r"expected a file of torch\.save, found something"):
        read_torch(tmp_path / "pickle")


def test_networks_are_named_in_the_refusal(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "file")
    with pytest.raises(PoseliftError, match=r"asks to run torch\.nn\.modules\.linear\.Linear"):
        read_torch(tmp_path / "file")
    torch.save(torch.zeros(2, dtype=torch.bfloat16), tmp_path / "file")
    with pytest.raises(PoseliftError, match=r"asks to run torch\.BFloat16Storage"):
        read_torch(tmp_path / "file")


def test_numbers_in_archives_keep_kind_and_order(tmp_path: Path) -> None:
    grid = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    for array in (grid, np.asfortranarray(grid), np.array(["S1", "é"]), np.float64(3), grid[:0]):
        buffer = io.BytesIO()
        np.savez(buffer, value=array)
        (tmp_path / "file").write_bytes(buffer.getvalue())
        got = read_value(tmp_path / "file")
        assert (got.dtype, got.shape) == (np.asarray(array).dtype, np.shape(array))
        np.testing.assert_array_equal(got, array)


def test_nine_bytes_do_not_ask_for_gigabytes(tmp_path: Path) -> None:
    """The reader's table is as long as the greatest number of a part."""
    path = tmp_path / "memo.pkl"
    path.write_bytes(b"\x80\x02Nr\xff\xff\xff\x0b.")
    with pytest.raises(PoseliftError, match="a part with a number beyond their count"):
        read_pickle(path)


def test_numbers_of_parts_are_what_pickle_writes(tmp_path: Path) -> None:
    value = {"a": [1, 2, {"b": ("c", 3.5)}], "d": np.arange(300), "e": ["x"] * 500}
    for protocol in range(6):
        path = tmp_path / f"{protocol}.pkl"
        path.write_bytes(pickle.dumps(value, protocol))
        back = read_pickle(path)
        assert back["a"] == value["a"]
        assert (back["d"] == value["d"]).all()


@pytest.mark.parametrize(
    ("name", "reader"), [("memo.pkl", read_pickle), ("expand.pth", read_torch)]
)
def test_hostile_files(shared: Path, name: str, reader: Callable[[Path], object]) -> None:
    with pytest.raises(PoseliftError, match=r"a part with a number|repeats its numbers"):
        reader(shared / "cases" / "hostile" / name)
