"""Checkpoint files as the official codes leave them, from golden weights."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from golden_support import Golden

CR, CZ, ZR = "circular,replicate", "circular,zero", "zero,replicate"

#: Golden file -> kind and options of `poselift import`.
NETWORKS: dict[str, tuple[str, dict[str, str]]] = {
    "posegraphnet_initial_adj": ("posegraphnet", {}),
    "posegraphnet_learned_adj": ("posegraphnet", {}),
    "posegraphnet_uneven_widths": ("posegraphnet", {}),
    "martinez_16j": ("martinez", {}),
    "martinez_17j": ("martinez", {}),
    "martinez_poseaug_16j": ("martinez", {}),
    "gridconv_vanilla": ("osvai-gridconv", {}),
    "dgridconv_cr_t1": ("osvai-gridconv", {"temperature": "1"}),
    "dgridconv_cr_t30": ("osvai-gridconv", {}),
    "dgridconv_cz_t1": ("osvai-gridconv", {"paddings": CZ, "temperature": "1"}),
    "dgridconv_cz_t30": ("osvai-gridconv", {"paddings": CZ}),
    "dgridconv_zr_t4p5_grid7x4": (
        "osvai-gridconv",
        {"paddings": ZR, "temperature": "4.5", "grid": "7,4"},
    ),
    "autogrids_standard": ("osvai-gridconv", {}),
    "autogrids_learnt_type2": ("osvai-gridconv", {"paddings": CR, "temperature": "1"}),
    "autogrids_learnt_type3": ("osvai-gridconv", {}),
    "autogrids_random_scores": ("osvai-gridconv", {"paddings": CR, "temperature": "5"}),
    "semgcn_16j": ("semgcn", {}),
    "semgcn_17j": ("semgcn", {}),
    "semgcn_nonlocal_16j": ("semgcn", {}),
    "videopose3d_fw1": ("videopose3d", {}),
    "videopose3d_fw111": ("videopose3d", {}),
    "videopose_poseaug_16j": ("videopose3d", {}),
    "stgcn_single_frame_17j": ("stgcn", {}),
    "stgcn_single_frame_16j_wrapper": ("stgcn", {}),
}

#: Golden files of single layers, which nobody saves alone.
LAYERS = {"dgridconv_attention_in512", "semgcn_layer", "semgcn_channelwise_layer"}


def official_state(golden: Golden) -> dict[str, torch.Tensor]:
    """The state dict of a network that was trained on several GPUs."""
    return {f"module.{key}": torch.from_numpy(v) for key, v in golden.group("state").items()}


def wrapped(kind: str, state: dict[str, torch.Tensor]) -> dict[str, Any]:
    """What the code of a kind puts around its state dict."""
    error = np.float64(37.25)
    if kind == "osvai-gridconv":
        around: dict[str, Any] = {"state_dict": state, "error": error, "optimizer": optimizer()}
    elif kind == "videopose3d":
        random = np.random.RandomState(1234)
        around = {"model_pos": state, "model_traj": None, "random_state": random}
        around |= {"optimizer": optimizer().state_dict(), "random_state_semi": None}
    elif kind == "posegraphnet":
        around = {"state_dict": state, "last_best_err": error, "optim_dict": {}}
    else:
        around = {"state_dict": state, "error": float(error), "step": 4000}
    return {"epoch": 12, "lr": 0.001, **around}


def optimizer() -> torch.optim.Optimizer:
    """Adam after a step; official GridConv saves it as an object."""
    layer = torch.nn.Linear(3, 2)
    adam = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 3)).sum().backward()
    adam.step()
    return adam


#: Projects that ask for Python 2.
OF_PYTHON2 = ("osvai-gridconv", "semgcn")


def save(content: object, path: Path, *, python2: bool = False) -> Path:
    """Save as torch did before its zip format; with `python2` as that wrote it."""
    module = PYTHON2 if python2 else pickle
    torch.save(content, path, pickle_module=module, _use_new_zipfile_serialization=False)
    return path


class Python2Pickler(pickle._Pickler):
    """Writes strings and bytes as Python 2 wrote its `str`, and NumPy's names of that time."""

    dispatch = dict(pickle._Pickler.dispatch)  # noqa: RUF012

    def _save_string(self, obj: Any) -> None:
        raw = obj if isinstance(obj, bytes) else obj.encode("ascii")
        self.write(pickle.SHORT_BINSTRING + bytes([len(raw)]) + raw)
        self.memoize(obj)

    def save_global(self, obj: Any, name: str | None = None) -> None:
        if obj is np.float64(0).__reduce__()[0]:
            self.write(pickle.GLOBAL + b"numpy.core.multiarray\nscalar\n")
            self.memoize(obj)
        else:
            super().save_global(obj, name)

    dispatch[str] = dispatch[bytes] = _save_string
    dispatch[type(np.float64(0).__reduce__()[0])] = save_global


def _dump(obj: object, file: Any, protocol: int) -> None:
    Python2Pickler(file, protocol).dump(obj)


PYTHON2 = SimpleNamespace(__name__="pickle2", Pickler=Python2Pickler, dump=_dump)
