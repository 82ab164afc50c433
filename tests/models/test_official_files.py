"""Reading official checkpoint files: what they hold comes out, and nothing in them is run."""

from __future__ import annotations

import builtins
import os
import pickle
import subprocess
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from official_files import optimizer, save, wrapped
from poselift.errors import PoseliftError
from poselift.models.official.files import read_checkpoint

STATE = OrderedDict(weight=torch.arange(6.0).view(2, 3), steps=torch.tensor(4))


def zipped(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


def python2(content: object, path: Path) -> Path:
    return save(content, path, python2=True)


WRITERS = [zipped, save, python2]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("key", ["state_dict", "model_pos", "model", None])
def test_state_dict_is_found(write: Any, key: str | None, tmp_path: Path) -> None:
    content = STATE if key is None else {"epoch": 3, key: STATE}
    found = read_checkpoint(write(content, tmp_path / "a.pth"))
    assert found.state.keys() == STATE.keys()
    assert all(torch.equal(found.state[name], value) for name, value in STATE.items())
    assert found.recorded == ({} if key is None else {"epoch": 3})


@pytest.mark.parametrize("kind", ["osvai-gridconv", "posegraphnet", "videopose3d", "semgcn"])
@pytest.mark.parametrize("write", [zipped, save])
def test_what_lies_beside_is_dropped_but_for_numbers(kind: str, write: Any, tmp_path: Path) -> None:
    found = read_checkpoint(write(wrapped(kind, STATE), tmp_path / "a.pth.tar"))
    assert found.recorded.pop("epoch") == 12
    assert found.recorded.pop("lr") == 0.001
    assert found.recorded.pop("step", 4000) == 4000
    assert set(found.recorded.values()) <= {37.25}
    assert torch.equal(found.state["weight"], STATE["weight"])


def test_optimizer_and_number_of_python_2(tmp_path: Path) -> None:
    content = {"state_dict": STATE, "optimizer": optimizer(), "error": np.float64(-1 / 3)}
    path = python2(content, tmp_path / "ckpt_best.pth.tar")
    assert b"numpy.core.multiarray\nscalar" in path.read_bytes()
    assert read_checkpoint(path).recorded == {"error": -1 / 3}


def test_random_state_of_old_numpy(tmp_path: Path) -> None:
    old = vars(np.random)["__RandomState_ctor"]
    state = ("MT19937", np.arange(624, dtype=np.uint32), 7, 0, 0.0)
    random = Reduced(old, (), state)
    path = save({"random_state": random, "model_pos": STATE}, tmp_path / "epoch_80.bin")
    assert b"__RandomState_ctor" in path.read_bytes()
    assert read_checkpoint(path).recorded == {}


@pytest.mark.parametrize("kind", ["<f4", ">f8", "<i4", ">i8", "?"])
def test_numbers_of_every_type(kind: str, tmp_path: Path) -> None:
    number = np.array([1], kind)[0]
    swapped = Reduced(number.__reduce__()[0], (np.dtype(kind), np.array([1], kind).tobytes()))
    found = read_checkpoint(save({"model": STATE, "n": swapped}, tmp_path / "a.pt")).recorded
    assert found == ({} if kind == "?" else {"n": 1})


def test_infinite_numbers_are_not_recorded(tmp_path: Path) -> None:
    path = save({"model": STATE, "best": np.float64(np.inf)}, tmp_path / "a.pt")
    assert read_checkpoint(path).recorded == {}


class Reduced:
    """Pickles as a call of anything."""

    def __init__(self, *reduction: object) -> None:
        self.reduction = reduction

    def __reduce__(self) -> Any:
        return self.reduction


def calls(marker: Path) -> dict[str, Reduced]:
    """Calls that would each make the marker."""
    code = f"__import__('pathlib').Path({str(marker)!r}).touch()"
    return {
        "posix.system": Reduced(os.system, (f"touch {marker}",)),
        "subprocess": Reduced(subprocess.check_call, (["touch", str(marker)],)),
        "eval": Reduced(builtins.eval, (code,)),
        "exec": Reduced(builtins.exec, (code,)),
        "pathlib.Path": Reduced(Path.touch, (marker,)),
        "numpy.save": Reduced(np.save, (str(marker), 1)),
    }


@pytest.mark.parametrize("name", list(calls(Path())))
@pytest.mark.parametrize("write", WRITERS)
def test_hostile_files_run_nothing(
    write: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker, bad = tmp_path / "marker.npy", calls(tmp_path / "marker.npy")[name]
    for content in (bad, {"state_dict": STATE, "optimizer": bad}, {"model": {"weight": bad}}):
        path = write(content, tmp_path / "bad.pth")
        with pytest.raises(PoseliftError, match=r"bad\.pth: .*nothing of it was run") as caught:
            read_checkpoint(path)
        assert not marker.exists()
        assert "\n" not in str(caught.value)
    bad.reduction[0](*bad.reduction[1])  # type: ignore[operator]  # it would have


def test_a_stand_in_does_nothing_with_what_it_gets(tmp_path: Path) -> None:
    """Names that are admitted reach no code of NumPy or torch: neither objects nor odd types."""
    scalar = np.float64(0).__reduce__()[0]
    for arguments in ((np.dtype("O"), STATE), (np.dtype("f8"), b"123"), (STATE, b"1"), ()):
        path = save({"model": STATE, "n": Reduced(scalar, arguments)}, tmp_path / "a.pt")
        with pytest.raises(PoseliftError, match=r"a\.pt: damaged, or not a checkpoint that torch"):
            read_checkpoint(path)


def test_a_whole_network_is_refused_by_name(tmp_path: Path) -> None:
    path = save(torch.nn.Linear(2, 2), tmp_path / "whole.pth")
    with pytest.raises(PoseliftError, match=r"whole\.pth: expected weights and numbers, found "):
        read_checkpoint(path)


def text(path: Path) -> None:
    path.write_text("state_dict: none\n")


def other_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"state_dict": {}}, protocol=5))


@pytest.mark.parametrize("write", [Path.touch, text, other_pickle])
def test_other_files(write: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    write(path)
    with pytest.raises(PoseliftError, match=r"other\.pth: damaged, or not a checkpoint"):
        read_checkpoint(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match=r"none\.pth: no such file"):
        read_checkpoint(tmp_path / "none.pth")
    with pytest.raises(PoseliftError, match="cannot be read"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("write", WRITERS)
def test_damage_is_refused_or_harmless(write: Any, tmp_path: Path) -> None:
    """Cut anywhere or with any byte turned, a file is refused in words or gives plain tensors."""
    whole = write({"epoch": 1, "state_dict": STATE}, tmp_path / "a.pth").read_bytes()
    rng, path, refusals = np.random.default_rng(0), tmp_path / "damaged.pth", 0
    places = rng.integers(0, len(whole), 60)
    for place, bit in zip(places, rng.integers(0, 8, 60), strict=True):
        turned = bytes([whole[place] ^ (1 << bit)])
        for data in (whole[:place], whole[:place] + turned + whole[place + 1 :]):
            path.write_bytes(data)
            refusals += "damaged.pth: " in refusal(path)
    assert refusals > 60


def refusal(path: Path) -> str:
    """The sentence of a refusal, or nothing if there is none."""
    try:
        read_checkpoint(path)
    except PoseliftError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ([STATE], "expected a dictionary of weights, found list"),
        ({"epoch": 3}, "holds no state dict, expected one as such or under .*, found epoch"),
        ({}, "holds no state dict, .* found nothing"),
        ({"a": torch.ones(2) * 1j}, "expected a plain tensor under 'a', found torch.complex64"),
    ],
)
def test_no_state_dict(content: object, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match=sentence):
        read_checkpoint(save(content, tmp_path / "a.pth"))
