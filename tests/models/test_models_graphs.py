"""Graphs for networks: links and distances by topology, and joints put on nodes."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from poselift.errors import PoseliftError
from poselift.models import LCNConfig, SemGCNConfig
from poselift.models.graphs import TOPOLOGIES, NodeMap, distances, node_links
from poselift.models.gridconv import handcrafted
from poselift.skeletons import H36M_17, get_skeleton

WITH_LAYOUT = ("h36m_17", "h36m_16", "h36m_32")


@pytest.mark.parametrize(("name", "topology"), list(product(WITH_LAYOUT, TOPOLOGIES)))
def test_links_are_mutual_without_loops_and_reach_everything(name: str, topology: str) -> None:
    links = node_links(get_skeleton(name), topology)
    assert links.dtype == bool
    assert np.array_equal(links, links.T)
    assert not links.diagonal().any()
    assert distances(links).max() < len(links)


@pytest.mark.parametrize("name", WITH_LAYOUT)
def test_a_grid_is_four_neighbours_and_its_graph_the_joints_that_meet_there(name: str) -> None:
    skeleton = get_skeleton(name)
    layout = handcrafted(skeleton)
    cells = node_links(skeleton, "grid")
    rows, columns = layout.rows, layout.columns
    assert cells.sum() == 2 * (rows * (columns - 1) + columns * (rows - 1))
    meeting = np.zeros((len(skeleton), len(skeleton)), bool)
    for one, other in np.argwhere(cells):
        assert abs(one - other) in (1, columns)
        assert abs(one - other) != 1 or one // columns == other // columns
        (first,), (second,) = layout.cells[one], layout.cells[other]
        meeting[first, second] |= first != second
    assert np.array_equal(node_links(skeleton, "grid_graph"), meeting)


@pytest.mark.parametrize("name", ["h36m_17", "h36m_16"])
def test_no_bone_is_lost_in_the_grid_graph(name: str) -> None:
    skeleton = get_skeleton(name)
    bones, meeting = node_links(skeleton, "skeleton"), node_links(skeleton, "grid_graph")
    assert not (bones & ~meeting).any()
    assert (meeting & ~bones).any()


def test_extra_links_belong_to_the_skeleton_graph_only() -> None:
    extra = [(0, 10)]
    plain = node_links(H36M_17, "skeleton")
    more = node_links(H36M_17, "skeleton", extra)
    assert np.argwhere(more & ~plain).tolist() == [[0, 10], [10, 0]]
    for topology in ("grid_graph", "grid"):
        assert np.array_equal(node_links(H36M_17, topology, extra), node_links(H36M_17, topology))


def test_distances_along_a_chain_and_to_what_cannot_be_reached() -> None:
    links = np.zeros((6, 6), bool)
    for joint in range(4):
        links[joint, joint + 1] = links[joint + 1, joint] = True
    found = distances(links)  # joint 5 stands alone
    index = np.arange(5)
    assert np.array_equal(found[:5, :5], np.abs(index[:, None] - index))
    assert found[5].tolist() == [6, 6, 6, 6, 6, 0]


def test_distances_from_the_root_are_depths() -> None:
    found = distances(node_links(H36M_17, "skeleton"))
    assert np.array_equal(found[H36M_17.root], H36M_17.depth)


@pytest.mark.parametrize(("name", "topology"), list(product(WITH_LAYOUT, TOPOLOGIES)))
def test_to_the_nodes_and_back_is_nothing(name: str, topology: str) -> None:
    skeleton = get_skeleton(name)
    placement = NodeMap(skeleton, topology)
    poses = torch.randn(4, len(skeleton), 3)
    nodes = placement.to_nodes(poses)
    assert nodes.shape[1] == len(node_links(skeleton, topology))
    torch.testing.assert_close(placement.to_joints(nodes), poses, rtol=1e-6, atol=1e-6)
    assert not placement.state_dict()


def test_half_precision_does_not_round_coordinates() -> None:
    placement = NodeMap(H36M_17, "grid")
    poses = torch.randn(4, 17, 2)
    with torch.autocast("cpu", torch.bfloat16):
        found = placement.to_joints(placement.to_nodes(poses))
    torch.testing.assert_close(found, poses, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("config", [SemGCNConfig, LCNConfig])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"topology": "tree"}, "topology: expected one of skeleton, grid_graph, grid, got 'tree'"),
        ({"skeleton": "x"}, "unknown skeleton 'x'"),
        (
            {"skeleton": "body_25", "topology": "grid"},
            "no handcrafted layout for body_25, only for h36m_17",
        ),
        ({"skeleton": "coco_17", "topology": "grid_graph"}, "no handcrafted layout for coco_17"),
    ],
)
def test_graphs_that_do_not_exist(
    config: type[SemGCNConfig | LCNConfig], values: dict[str, str], message: str
) -> None:
    with pytest.raises(PoseliftError, match=message):
        config(**values)  # type: ignore[arg-type]
