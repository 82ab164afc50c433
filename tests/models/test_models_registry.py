"""Networks by name; configs to and from JSON."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from poselift.errors import PoseliftError
from poselift.models import architectures, build, config_from_dict, describe

SMALL: dict[str, dict[str, object]] = {
    "gln": {"channels": 8, "blocks": 1},
    "posegraphnet": {"widths": [8, 8]},
    "martinez": {"width": 8},
    "videopose3d": {"channels": 8, "blocks": 1},
    "stgcn": {"channels": [8, 8, 12], "pooled": 16},
    "semgcn": {"width": 8, "layers": 1, "nonlocal_blocks": True},
    "lcn": {"width": 4, "blocks": 1},
}


def test_every_architecture_is_covered_here() -> None:
    assert set(SMALL) == set(architectures())


@pytest.mark.parametrize("name", SMALL)
def test_built_described_and_built_again(name: str) -> None:
    model = build(name, SMALL[name])
    architecture, config = describe(model)
    assert architecture == name
    again = build(name, json.loads(json.dumps(config)))
    assert describe(again) == (architecture, config)
    shapes = [{key: value.shape for key, value in m.state_dict().items()} for m in (model, again)]
    assert shapes[0] == shapes[1]
    assert model(torch.randn(4, 17, 2)).shape == (4, 17, 3)


def test_an_integer_is_a_number_but_not_the_other_way_round() -> None:
    assert config_from_dict("martinez", {"dropout": 0}).dropout == 0.0
    assert isinstance(config_from_dict("martinez", {"dropout": 0}).dropout, float)


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("resnet", {}, "unknown architecture 'resnet', expected one of gln, lcn"),
        ("martinez", {"depth": 3}, "martinez: unknown setting 'depth', expected one of skeleton"),
        ("martinez", {"width": 8.0}, "martinez: expected an integer for width, got 8.0"),
        ("martinez", {"width": True}, "martinez: expected an integer for width, got True"),
        ("martinez", {"fixed_root": 1}, "martinez: expected true or false for fixed_root, got 1"),
        ("martinez", {"skeleton": None}, "martinez: expected a string for skeleton, got None"),
        ("posegraphnet", {"dropout": "0"}, "expected a number for dropout, got '0'"),
        ("posegraphnet", {"widths": 8}, "expected a list of integers for widths, got 8"),
        ("posegraphnet", {"widths": [8, "8"]}, "expected a list of integers for widths"),
        ("gln", {"grid": [5, 5, 5]}, r"gln: expected a list of 2 integers for grid, got \[5, 5, 5"),
        ("gln", {"paddings": [1, 2]}, "gln: expected a list of 2 strings for paddings"),
        ("gln", {"attention": "most"}, "attention: expected one of none, grid"),
    ],
)
def test_refused_in_words(name: str, config: dict[str, object], message: str) -> None:
    with pytest.raises(PoseliftError, match=message):
        build(name, config)


def test_a_foreign_network_cannot_be_described() -> None:
    with pytest.raises(PoseliftError, match="cannot describe a Linear, expected one of gln"):
        describe(nn.Linear(2, 3))
