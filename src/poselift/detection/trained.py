"""Detectors that were trained here: run folders and exports of `hrnet`, and of whole systems.

An exported system is also a detector: its file gives the heat maps beside the poses, and only what
leads to the maps is computed. Persons are found by the shipped MoveNet.
"""

from __future__ import annotations

from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float, UInt8

from poselift.detection.crops import crop_person
from poselift.detection.detector import Found, boxes_of
from poselift.detection.heatmaps import flip_heatmaps, peak_scores, soft_argmax, to_picture
from poselift.detection.movenet import MoveNet, open_network
from poselift.detection.picture import Picture
from poselift.errors import PoseliftError
from poselift.modelfiles.detector_card import CROP, FOCAL, HEATMAPS, IMAGE, SIZE, DetectorCard
from poselift.modelfiles.find import ModelFile, find_detector


@final
class Trained:
    """A detector from a run folder or an exported file.

    flip  ask the network for the mirrored crop too, and read keypoints off the mean of both maps.

    Raises `PoseliftError` if there is none, or the file is another than its card says.
    """

    def __init__(self, source: str, *, threads: int = 1, flip: bool = False) -> None:
        """Open the file and see that it gives what its card says."""
        file = find_detector(source)
        self.name = Path(source).name
        self._card = DetectorCard.of(file)
        self.skeleton = self._card.skeleton
        self._flip, self._order = flip, self.skeleton.flip_order.tolist()
        try:
            self._session = open_network(file.data, threads)
        except Exception as error:  # ONNX Runtime has no base class of its own
            reason = str(error).splitlines()[0][:120]
            raise PoseliftError(f"{file.source}: cannot be opened ({reason})") from None
        self._check(file)
        self._finder = MoveNet(threads=threads, crops=False)

    def _check(self, file: ModelFile) -> None:
        """Refuse a file whose ports are not those of its card."""
        height, width = self._card.size
        image = next((one for one in self._session.get_inputs() if one.name == IMAGE), None)
        maps = [one for one in self._session.get_outputs() if one.name == HEATMAPS]
        if image is None or list(image.shape[1:]) != [3, height, width] or not maps:
            found = None if image is None else tuple(image.shape)
            raise PoseliftError(
                f"{file.source}: expected {IMAGE} (batch, 3, {height}, {width}) and {HEATMAPS} as "
                f"its card says, got {found}"
            )
        self._others = {one.name for one in self._session.get_inputs()} - {IMAGE}

    def find(self, picture: Picture) -> Found:
        """Find persons with MoveNet, and their joints with this network."""
        return self.follow(picture, boxes_of(self._finder.find(picture)))

    def follow(self, picture: Picture, boxes: Float[np.ndarray, "P 4"]) -> Found:
        """Find the person in each box."""
        keypoints = np.empty((len(boxes), len(self.skeleton), 2), np.float32)
        scores = np.empty((len(boxes), len(self.skeleton)), np.float32)
        for row, box in enumerate(boxes):
            shown, crop = crop_person(picture, box, self._card.size)
            maps = self.heatmaps(shown)
            found = soft_argmax(maps, self._card.temperature, self._card.size)
            keypoints[row] = to_picture(found, crop)
            scores[row] = peak_scores(maps)
        return Found(keypoints, scores)

    def heatmaps(self, shown: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "J h w"]:
        """Return the maps of a crop (RGB), with `flip` the mean with those of its mirror image."""
        maps = self._run(shown)
        if self._flip:
            maps = (maps + flip_heatmaps(self._run(shown[:, ::-1]), self._order)) / 2
        return maps

    def _run(self, shown: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "J h w"]:
        """Run the network on one crop."""
        image = np.ascontiguousarray(shown.transpose(2, 0, 1)[None], dtype=np.float32)
        # a system's own inputs, which the maps do not depend on
        unused = {CROP: np.eye(3), SIZE: np.ones(2), FOCAL: np.zeros(())}
        given = {name: unused[name].astype(np.float32)[None] for name in self._others}
        maps: np.ndarray = self._session.run([HEATMAPS], {IMAGE: image, **given})[0][0]
        return maps
