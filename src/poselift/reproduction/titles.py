"""What can be reproduced, by name, in words: readable without PyTorch."""

from __future__ import annotations

#: Name of a table or figure -> what it shows.
TITLES = {
    "gridconv.table1": "comparison with lifting methods, by action, detected 2D",
    "gridconv.table2": "comparison under protocols P1, P1* and P2",
    "gridconv.table3": "trained on one data set, tested on MPI-INF-3DHP",
    "gridconv.table4": "grid poses in graph networks",
    "gridconv.table5": "random, handcrafted and learnable layouts",
    "gridconv.table6": "17 and 32 joints",
    "gridconv.table3-open": "trained on cmu17, tested on other people of cmu_more",
    "gridconv.search": "layouts learnt from four random starts and the handcrafted one",
    "gridconv.figure3": "a layout while it is learnt, and layouts drawn",
    "gridconv.figure5": "2D input, truth and predictions side by side",
    "gridconv.figure5b-open": "other people of cmu_more: truth and predictions",
    "gridconv.figure6": "starts and learnt layouts as graphs, and the way between",
    "gridconv.figure7": "grid sizes",
    "gridconv.figure8": "designs of the attention",
    "posegraphnet.table1": "error by joint",
    "posegraphnet.table2": "comparison by action under both protocols",
    "posegraphnet.table3": "parameters, speed and error",
    "posegraphnet.figure2": "2D truth, 2D input, 3D truth and prediction",
    "posegraphnet.figure3": "the learned adjacency",
}

#: What is measured on other data besides, by the option that names their folder.
OTHER_DATA = {
    "--mpi-root": ("gridconv.table3",),
    "--more": ("gridconv.table3-open", "gridconv.figure5b-open"),
}
