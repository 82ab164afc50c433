"""Axis legend. Every public array is described with these names.

Axes (upper case, in this order when several occur):

| name | meaning |
| --- | --- |
| B | sample in a batch |
| T | frame of a clip |
| N | row of a flat list (any mixture of persons and frames) |
| J | joint of a skeleton |
| D | coordinate: 2 (x right, y down) or 3 (x right, y down, z forward) |
| P | grid node, row-major over H rows and W columns (the paper's H x P grid) |
| K | kernel tap, row-major over 3 x 3 |
| E | product of a plan: node and weight block |
| C | feature channel |
| G | neighbour group (self, parent, child) |
"""
