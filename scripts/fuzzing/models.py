"""Model files, cards, weights, checkpoints, and what else a training or a study leaves behind."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from fuzzing.children import Surface
from fuzzing.networks import small
from poselift.lifting import Lifter
from poselift.modelfiles import parse_card
from poselift.pickles.arrayfile import read_npz
from poselift.pickles.torchfile import read_torch
from poselift.pickles.unpickle import read_pickle
from tiny_model import CARD, tiny_onnx


def models(folder: Path) -> list[Surface]:
    """Readers of the use half: model files, cards and pickles."""
    folder.mkdir()
    onnx = _written(folder, {"tiny.onnx": tiny_onnx(), "windows.onnx": tiny_onnx({"frames": 3})})
    (folder / "card.json").write_text(json.dumps(CARD))
    value = {
        "a": np.arange(6.0),
        "b": [1, "x", (2.5, None)],
        "c": {"d": np.ones((2, 3), np.float32)},
    }
    pickles = {f"p{protocol}.pkl": pickle.dumps(value, protocol) for protocol in (0, 2, 4, 5)}
    holder = np.empty((), dtype=object)
    holder[()] = value
    np.savez_compressed(folder / "p.npz", positions_2d=holder, plain=np.arange(5))
    return [
        Surface("model.onnx", onnx, _lift),
        Surface("card", [folder / "card.json"], lambda path: parse_card(_text(path), str(path))),
        Surface("pickle", _written(folder, pickles), read_pickle),
        Surface("object.npz", [folder / "p.npz"], lambda p: read_npz(p, ["positions_2d", "plain"])),
    ]


def _lift(path: Path) -> object:
    """Open a model and lift a pose with it; noise makes no body, which is refused in words."""
    lifter = Lifter(path, threads=1)
    frames = lifter.card.frames + 1
    points = np.random.default_rng(0).uniform(200, 900, (frames, len(lifter.skeleton), 2))
    joints = lifter.skeleton.name
    return lifter.lift(points.astype(np.float32), image_size=(1000, 1000), skeleton=joints)


def research(folder: Path) -> list[Surface]:
    """Readers of the research half, for every registered network."""
    import torch

    from poselift.export import export_run
    from poselift.models import build, describe, load_model, save_model

    folder.mkdir()
    torch.set_num_threads(1)
    torch.save({"state": {"w": torch.ones(2, 3)}, "epoch": 3}, folder / "a.pth")
    torch.save(
        {"state": {"w": torch.ones(2, 3)}}, folder / "old.pth", _use_new_zipfile_serialization=False
    )
    found = [Surface("torch", [folder / "a.pth", folder / "old.pth"], read_torch)]
    runs = []
    for name, settings in small().items():
        run = folder / f"run-{name}"
        run.mkdir()
        model = build(name, settings)
        architecture, config = describe(model)
        save_model(run, model, {**CARD, "architecture": architecture, "config": config})
        runs += [run, _unhashed(run, "model.json", "weights_sha256")]
    found.append(Surface("run", runs, load_model))
    exported = folder / "exported"
    save_model(exported, model, {**CARD, "architecture": architecture, "config": config})
    export_run(exported)
    found.append(Surface("run.exported", [exported], _lift, share=0.5))
    return [*found, *_exported(folder), *_official(folder), *_training(folder), *_study(folder)]


def _unhashed(run: Path, card: str, key: str) -> Path:
    """Copy a folder as it was before it said its hash: damage is not refused by that alone."""
    other = run.with_name(f"{run.name}-unhashed")
    shutil.copytree(run, other)
    for path in other.rglob(card):
        content = json.loads(path.read_bytes())
        content.pop(key, None)
        path.write_text(json.dumps(content))
    return other


def _exported(folder: Path) -> list[Surface]:
    """Weights read back from .onnx files, those of a network of ours with and without a hash."""
    import onnx

    from poselift.export import export_onnx
    from poselift.modelfiles.onnxfile import GRAPH_KEY
    from poselift.models import build, describe, load_model

    model = build("martinez", small()["martinez"]).eval()
    architecture, config = describe(model)
    card = {**CARD, "architecture": architecture, "config": config}
    export_onnx(model, card, folder / "exported.onnx")
    proto = onnx.load(folder / "exported.onnx")
    kept = [entry for entry in proto.metadata_props if entry.key != GRAPH_KEY]
    del proto.metadata_props[:]
    proto.metadata_props.extend(kept)
    onnx.save(proto, folder / "unhashed.onnx")
    samples = [folder / "exported.onnx", folder / "unhashed.onnx"]
    return [Surface("weights.onnx", samples, load_model)]


def _official(folder: Path) -> list[Surface]:
    """Checkpoints of the papers' codes, as each writes them."""
    import torch

    from official_files import OF_PYTHON2, save, wrapped
    from poselift.models.official.files import read_checkpoint
    from poselift.models.official.imports import KINDS, import_official

    state = {"module.w1.weight": torch.ones(8, 34), "module.w1.bias": torch.zeros(8)}
    samples = []
    for kind in KINDS:
        content, path = wrapped(kind, state), folder / f"{kind}.pth.tar"
        samples.append(save(content, path, python2=kind in OF_PYTHON2))
    torch.save(wrapped("martinez", state), folder / "zip.pth")
    return [
        Surface("official", [*samples, folder / "zip.pth"], read_checkpoint),
        Surface("import", _whole(folder), lambda path: import_official(path, path.stem)),
    ]


def _whole(folder: Path) -> list[Path]:
    """A checkpoint that fills a network: SemGCN's edition of Martinez's."""
    import torch

    state: dict[str, Any] = {"w1.weight": torch.ones(8, 34), "w1.bias": torch.zeros(8)}
    for name in ("batch_norm1", *(f"linear_stages.0.batch_norm{n}" for n in (1, 2))):
        state |= {
            f"{name}.{part}": torch.ones(8)
            for part in ("weight", "bias", "running_mean", "running_var")
        }
        state[f"{name}.num_batches_tracked"] = torch.tensor(1)
    for n in (1, 2):
        state |= {
            f"linear_stages.0.w{n}.weight": torch.ones(8, 8),
            f"linear_stages.0.w{n}.bias": torch.zeros(8),
        }
    state |= {"w2.weight": torch.ones(51, 8), "w2.bias": torch.zeros(51)}
    torch.save({"state_dict": state, "epoch": 1}, folder / "martinez.pt")
    return [folder / "martinez.pt"]


def _training(folder: Path) -> list[Surface]:
    """A run that was stopped: its checkpoint, its config, and all that goes on from them."""
    import torch

    from poselift.cli.export import say_if_stopped
    from poselift.models import build
    from poselift.training import check_folder, start_from, train
    from poselift.training.branch import branch_off
    from poselift.training.checkpoint import load_checkpoint, read_progress
    from poselift.training.layouts import read_layouts, write_layouts
    from poselift.training.records import last_losses
    from poselift.training.schedules import Trapezoid
    from training_fixtures import tiny_config, tiny_data

    schedule = Trapezoid(warmup=1.0, decay=1.0)
    config = tiny_config(
        "martinez", epochs=3, schedule=schedule, checkpoint_seconds=0.0, recipe="shipped"
    )
    run, data = folder / "stopped", tiny_data()

    class Stop(Exception):
        """Ends a training in the middle."""

    def stop(*_: object) -> None:
        raise Stop

    from poselift.training.report import SilentReporter

    reporter = SilentReporter()
    reporter.epoch = stop  # type: ignore[assignment, method-assign]
    with suppress(Stop):
        train(config, data, run, device="cpu", reporter=reporter, export=False)
    last = next((run / "checkpoints").glob("last-*"))
    older = _unhashed(run, "training.json", "tensors_sha256")
    model = build("martinez", dict(config.model))

    def resumed(path: Path) -> object:
        check_folder(config, path, resume=True)
        return train(config, data, path, device="cpu", resume=True, export=False)

    def branched(path: Path) -> object:
        return branch_off(config, path, path.with_name("branch"), 1, resume=False)

    def stopped(path: Path) -> object:
        with redirect_stderr(StringIO()):
            return say_if_stopped(str(path))

    nodes = [n % 17 for n in range(25)]
    layouts = [{"epoch": n, "nodes": nodes, "drawn": [nodes, nodes]} for n in range(3)]
    write_layouts(run, layouts, {"skeleton": "h36m_17", "grid": [5, 5]})
    samples = [last, next((older / "checkpoints").glob("last-*"))]
    torch.manual_seed(0)
    return [
        Surface("checkpoint", samples, lambda path: load_checkpoint(path, model)),
        Surface("training.json", samples, read_progress, victims="training.json"),
        Surface(
            "config.json",
            [run],
            lambda p: check_folder(config, p, resume=True),
            victims="config.json",
        ),
        Surface("resume", [run, older], resumed, share=0.02),
        Surface("metrics.csv", [run], last_losses, victims="metrics.csv"),
        Surface("layouts.json", [run], read_layouts, victims="layouts.json"),
        Surface("stopped", [run], stopped, share=0.5, victims="model.json"),
        Surface("branch", [run, older], _apart(branched), share=0.3),
        Surface("init", [run], lambda path: start_from(config, str(path)), share=0.3),
    ]


def _apart(work: Callable[[Path], object]) -> Callable[[Path], object]:
    """Let work leave nothing beside its input."""

    def done(path: Path) -> object:
        try:
            return work(path)
        finally:
            shutil.rmtree(path.with_name("branch"), ignore_errors=True)

    return done


def _study(folder: Path) -> list[Surface]:
    """The result of a cell of a table, as `poselift reproduce` finds it again."""
    from poselift.models import build, describe
    from poselift.reproduction import Study, get_budget
    from poselift.reproduction.cells import cell
    from poselift.reproduction.measure import measure_network
    from poselift.training import SilentReporter
    from training_fixtures import seen

    network = build("martinez", small()["martinez"]).eval()
    architecture, config = describe(network)
    card = {**CARD, "architecture": architecture, "config": config}
    result = measure_network(network, card, seen(8))
    one = cell("martinez", "ground_truth")

    def study(runs: Path) -> Study:
        return Study("cmu17", folder, get_budget("smoke"), runs)

    place = study(folder / "runs").folder(one)
    place.mkdir(parents=True)
    (place / "result.json").write_bytes(result.to_json())

    def read(path: Path) -> object:
        return study(path).complete(one, SilentReporter())

    return [Surface("result.json", [folder / "runs"], read)]


def _written(folder: Path, contents: dict[str, bytes]) -> list[Path]:
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def _text(path: Path) -> str:
    return path.read_text("utf-8", errors="replace")
