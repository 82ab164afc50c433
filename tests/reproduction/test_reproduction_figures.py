"""The papers' figures: PNG bytes that follow the data, leave out what is missing, and repeat."""

from __future__ import annotations

import ast
import io
import struct
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

import poselift.reproduction.figures as figures
from poselift.errors import PoseliftError
from poselift.models.gridconv import Layout, handcrafted, random_layout, released
from poselift.reproduction.figures.canvas import short_name
from poselift.reproduction.figures.charts import axis_limits, cell_label
from poselift.reproduction.figures.layouts import count_label, grid_graph, standing
from poselift.reproduction.figures.poses import distance_label, upright
from poselift.reproduction.figures.table import cell_text
from poselift.skeletons import H36M_16, H36M_17, H36M_32, Skeleton

#: For pictures that take long to draw with many joints.
HIPS = Skeleton("hips", ("pelvis", "left_hip", "right_hip", "spine"), (-1, 0, 0, 0))
TABLE = [("ours", (41.25, 3, None)), ("theirs", (float("nan"), 12, "not run"))]


def person() -> np.ndarray:
    """Somebody who stands (metres, camera axes): joint heights from the standing body."""
    flat = np.array(standing(H36M_17)) / 4.5
    return np.stack([-flat[:, 0], -flat[:, 1], 0.05 * flat[:, 0]], axis=-1)


def people(count: int = 1, seed: int = 0) -> np.ndarray:
    return person() + np.random.default_rng(seed).normal(0, 0.02, (count, 17, 3))


def pixels(poses: np.ndarray) -> np.ndarray:
    return poses[..., :2] * 300 + [500, 400]


def compare(poses: np.ndarray, flat: np.ndarray | None = None, **options) -> bytes:
    flat = pixels(people(len(poses))) if flat is None else flat
    names = [f"sample {k}" for k in range(len(poses))]
    methods = {"first": poses, "second": people(len(poses), 5)}
    return figures.comparison_png(
        H36M_17, flat, people(len(poses)), methods, names=names, **options
    )


def pipeline(poses: np.ndarray, detected: np.ndarray | None = None, **options) -> bytes:
    flat = pixels(people(len(poses)))
    detected = flat if detected is None else detected
    names = [f"sample {k}" for k in range(len(poses))]
    return figures.pipeline_png(
        H36M_17, flat, detected, people(len(poses)), poses, names=names, **options
    )


def layouts(seed: int = 0, **options) -> bytes:
    both = {"first": random_layout(2, 2, 4, 0), "second": random_layout(3, 2, 4, seed)}
    return figures.layouts_png(both, HIPS, **options)


def bars(value: float = 37.1, **options) -> bytes:
    return figures.bars_png({"none": 39.0, "grid": value}, xlabel="attention", **options)


def sizes(value: float = 37.1, **options) -> bytes:
    return figures.grid_sizes_png({(5, 5): value, (6, 3): 38.2}, **options)


def adjacency(value: float = 0.62, **options) -> bytes:
    matrix = np.eye(4)
    matrix[1, 2] = value
    return figures.adjacency_png(matrix, HIPS, **options)


def table(value: float = 41.25, title: str = "Table", **options) -> bytes:
    rows = [("ours", (value, 3, None)), *TABLE[1:]]
    return figures.table_png(("error", "frames", "published"), rows, title, **options)


#: Each figure twice with different data, and the smallest size in px that can be read.
FIGURES: dict[str, tuple[Callable[..., bytes], object, object, tuple[int, int]]] = {
    "figure 5": (compare, people(1, 1), people(1, 2), (700, 250)),
    "figure 2": (pipeline, people(1, 1), people(1, 2), (900, 250)),
    "figure 6": (layouts, 0, 1, (900, 300)),
    "figure 7": (sizes, 37.1, 36.1, (500, 400)),
    "figure 8": (bars, 37.1, 36.1, (500, 400)),
    "figure 3": (adjacency, 0.62, 0.11, (300, 300)),
    "table": (table, 41.2, 41.4, (500, 100)),
}


def chunks(data: bytes) -> list[bytes]:
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    found, place = [], 8
    while place < len(data):
        length = struct.unpack(">I", data[place : place + 4])[0]
        found.append(data[place + 4 : place + 8])
        place += 12 + length
    return found


def size(data: bytes) -> tuple[int, int]:
    return struct.unpack(">II", data[16:24])


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_data_give_the_same_bytes_and_others_do_not(name: str):
    draw, data, other, smallest = FIGURES[name]
    first = draw(data)
    assert first == draw(data)
    assert first != draw(other)
    assert set(chunks(first)) == {b"IHDR", b"pHYs", b"IDAT", b"IEND"}  # no date, no version
    assert np.all(np.array(size(first)) >= smallest)


@pytest.mark.parametrize("name", FIGURES)
def test_title_and_caption_are_printed(name: str, monkeypatch: pytest.MonkeyPatch):
    draw, data, _, _ = FIGURES[name]
    bare = draw(data)
    said: list[str] = []
    monkeypatch.setattr(Figure, "text", lambda self, x, y, text, **style: said.append(text))
    both = draw(data, title="A title of its own", caption="poselift 0.1.0, seed 0\nsecond line")
    assert said[0] == "A title of its own"
    assert said[1].endswith("poselift 0.1.0, seed 0\nsecond line")
    assert size(both)[0] == size(bare)[0]
    assert size(both)[1] > size(bare)[1]


def test_settings_of_the_user_neither_matter_nor_change():
    expected = bars()
    with matplotlib.rc_context({"font.size": 30, "savefig.dpi": 40, "text.color": "red"}):
        before = dict(matplotlib.rcParams)
        assert bars() == expected
        assert dict(matplotlib.rcParams) == before


def modules(nodes: Iterable[ast.AST]) -> list[str]:
    """What those of the nodes that are imports import."""
    nodes = list(nodes)
    plain = [alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names]
    return plain + [
        f"{n.module}.{alias.name}"
        for n in nodes
        if isinstance(n, ast.ImportFrom)
        for alias in n.names
    ]


def test_matplotlib_is_imported_by_the_drawing_alone_and_never_pyplot():
    for path in Path(figures.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        at_once = [name for node in tree.body for name in modules([node])]
        assert "matplotlib" not in {name.partition(".")[0] for name in at_once}, path
        assert not [name for name in modules(ast.walk(tree)) if "pyplot" in name], path


@pytest.mark.parametrize("draw", [bars, table])
def test_without_matplotlib_it_is_said_in_words(draw, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(PoseliftError, match="needs matplotlib"):
        draw()


@pytest.fixture
def dots(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """Joints of all panels drawn, one (K, 2) array a pose, in the panel's own unit."""
    found: list[np.ndarray] = []
    original = Axes.scatter

    def record(self, x, y, *args, **kwargs):
        found.append(np.stack([x, y], axis=-1))
        return original(self, x, y, *args, **kwargs)

    monkeypatch.setattr(Axes, "scatter", record)
    return found


def test_a_missing_joint_is_left_out(dots: list[np.ndarray]):
    flat, poses = pixels(people()), people(1, 1)
    flat[0, 13], poses[0, 10] = np.nan, np.nan
    compare(poses, flat)
    shown, truth, first, *_ = dots
    np.testing.assert_array_equal(shown, np.delete(flat[0], 13, axis=0))
    np.testing.assert_allclose(truth, upright(people()[0]))
    np.testing.assert_allclose(first, np.delete(upright(poses[0]), 10, axis=0))


def test_a_pose_without_any_joint_is_an_empty_panel(dots: list[np.ndarray]):
    nobody = np.full((1, 17, 3), np.nan)
    assert size(pipeline(nobody, nobody[..., :2])) == size(pipeline(people()))
    assert [len(points) for points in dots[:4]] == [17, 0, 17, 0]
    figures.comparison_png(
        H36M_17, nobody[..., :2], nobody, {"none": nobody}, names=["nobody"], caption="empty"
    )
    assert [len(points) for points in dots[8:]] == [0, 0]  # 3D; the 2D panel has no window


def test_people_stand_upright_on_the_page():
    points = upright(person())
    head, ankle = H36M_17.index("head"), H36M_17.index("left_ankle")
    assert points[head, 1] > points[ankle, 1] + 1
    towards = upright(np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]]))
    assert towards[0, 0] > 0.8  # what is right of the camera stays right
    np.testing.assert_allclose(towards[1], [0, -np.cos(np.deg2rad(12))], atol=1e-12)
    assert towards[2, 1] > 0  # and what is far stands higher, as seen from above


def test_the_distance_counts_joints_that_both_have():
    truth, moved = person(), person() + np.array([0.03, 0.0, 0.04])
    truth[3], moved[5] = np.nan, [np.nan] * 3
    assert distance_label(moved, truth) == "mean distance 50 mm"
    assert distance_label(np.full((17, 3), np.nan), truth) == "no joint in common"


@pytest.mark.parametrize("layout", [handcrafted(H36M_17), random_layout(7, 3, 17, 3)])
def test_a_graph_has_every_neighbourhood_and_every_bone_once(layout: Layout):
    graph = grid_graph(layout, H36M_17)
    assert not graph.kept & graph.lost
    assert graph.kept | graph.lost == {frozenset(edge) for edge in H36M_17.edges}
    assert len(graph.lost) == len(layout.broken_edges(H36M_17))
    joints = np.array(layout.cells).reshape(layout.rows, layout.columns)
    pairs = np.concatenate(
        [
            np.stack([a.ravel(), b.ravel()], axis=1)
            for a, b in ((joints[1:], joints[:-1]), (joints[:, 1:], joints[:, :-1]))
        ]
    )
    linked = {frozenset(pair) for pair in pairs.tolist() if pair[0] != pair[1]}
    assert graph.kept | graph.added == linked


def test_the_handcrafted_layout_keeps_the_skeleton():
    graph = grid_graph(handcrafted(H36M_17), H36M_17)
    assert count_label(graph) == "16 of 16 bones kept, 13 links added"
    mixed = grid_graph(released(H36M_17), H36M_17)
    assert mixed.kept == graph.kept


def test_every_layout_has_a_standing_body():
    for skeleton in (H36M_17, H36M_16, H36M_32):
        points = np.array(standing(skeleton))
        left, right = points[list(skeleton.left)], points[list(skeleton.right)]
        np.testing.assert_array_equal(left, right * [-1, 1])
        assert len(np.unique(points, axis=0)) == len(skeleton)
        assert points[skeleton.index("head"), 1] == points[:, 1].max()
    assert chunks(figures.layouts_png({"handcrafted": handcrafted(H36M_17)}, H36M_17))


@pytest.mark.parametrize("values", [[36.4, 38.2, np.nan], [36.4], [0.02, 3.0], [-0.1, 0.1]])
def test_the_axis_holds_all_values_and_is_cut_only_above_zero(values: list[float]):
    low, high = axis_limits(np.array(values))
    assert low <= np.nanmin(values) <= np.nanmax(values) < high
    assert low >= 0 or np.nanmin(values) < 0


def test_a_cut_axis_says_so(monkeypatch: pytest.MonkeyPatch):
    said: list[str] = []
    monkeypatch.setattr(Axes, "set_ylabel", lambda self, text: said.append(text))
    figures.bars_png({"a": 39.0, "b": 37.1}, xlabel="attention")
    figures.bars_png({"a": 3.0, "b": 0.1}, xlabel="attention", ylabel="AUC, %")
    assert said == ["MPJPE, mm (axis begins at 35)", "AUC, %"]


def test_grid_sizes_stand_in_the_order_of_their_nodes(monkeypatch: pytest.MonkeyPatch):
    ticks: list[list[str]] = []
    original = Axes.set_xticks

    def record(self, places, labels=None, **kwargs):
        ticks.append(labels)
        return original(self, places, labels, **kwargs)

    monkeypatch.setattr(Axes, "set_xticks", record)
    figures.grid_sizes_png({(5, 5): 36.4, (7, 3): np.nan, (6, 3): 38.2})
    assert ticks == [["6×3\n18 nodes", "7×3\n21 nodes", "5×5\n25 nodes"]]


def test_words_and_numbers_are_short():
    names = ["left_big_toe", "right_hip", "spine_base", "head"]
    assert list(map(short_name, names)) == ["L big toe", "R hip", "spine base", "head"]
    weights = [0.624, -0.131, 0.001, -0.004, 1.0, -1.25, 0.997]
    assert list(map(cell_label, weights)) == [".62", "-.13", "0", "0", "1.00", "-1.25", "1.00"]
    cells = [None, float("nan"), 41.25, 3, "1.25 M"]
    assert list(map(cell_text, cells)) == ["-", "-", "41.2", "3", "1.25 M"]


def test_what_does_not_fit_is_refused_in_words():
    flat, poses = pixels(people(2)), people(2)

    def draw(skeleton=H36M_17, names=("a", "b")):
        return figures.comparison_png(skeleton, flat, poses, {"one": poses}, names=names)

    with pytest.raises(PoseliftError, match="keypoints: expected 2 samples of 16 joints, got 2 of"):
        draw(skeleton=H36M_16)
    with pytest.raises(PoseliftError, match="keypoints: expected 1 samples of 17 joints, got 2"):
        draw(names=["a"])
    with pytest.raises(PoseliftError, match="at least one sample"):
        draw(names=[])
    with pytest.raises(PoseliftError, match="at least one layout"):
        figures.layouts_png({}, H36M_17)
    with pytest.raises(PoseliftError, match="made for 17 joints, h36m_16 has 16"):
        figures.layouts_png({"a": handcrafted(H36M_17)}, H36M_16)
    tailed = Skeleton("tailed", (*H36M_17.joints[:-1], "tail"), H36M_17.parents)
    with pytest.raises(PoseliftError, match="no place on the standing body for tailed's 'tail'"):
        figures.layouts_png({"a": handcrafted(H36M_17)}, tailed)
    with pytest.raises(PoseliftError, match="at least one value"):
        figures.bars_png({"a": float("nan")}, xlabel="attention")
    with pytest.raises(PoseliftError, match="expected 16 joints of h36m_16, got 17"):
        figures.adjacency_png(np.zeros((17, 17)), H36M_16)
    with pytest.raises(PoseliftError, match="at least one row"):
        figures.table_png(("a",), [], "Empty")
    with pytest.raises(PoseliftError, match="row 'x': expected 1 values, got 2"):
        figures.table_png(("a",), [("x", (1.0, 2.0))], "Uneven")


def test_stacked_pictures_keep_their_sizes():
    one = figures.table_png(("a",), (("row", (1.0,)),), "first")
    other = figures.table_png(("a", "b", "c"), (("row", (1.0, 2.0, 3.0)),) * 3, "second")
    assert figures.stacked([one]) == one
    sizes = [Image.open(io.BytesIO(picture)).size for picture in (one, other)]
    both = Image.open(io.BytesIO(figures.stacked([one, other])))
    assert both.size == (max(width for width, _ in sizes), sum(height for _, height in sizes))
    # the second one stands below the first
    below = both.crop((0, sizes[0][1], sizes[1][0], both.height))
    expected = Image.open(io.BytesIO(other)).convert("RGB")
    np.testing.assert_array_equal(np.asarray(below), np.asarray(expected))
