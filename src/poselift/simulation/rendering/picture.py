"""One picture of a person: mesh, scene, light and camera put together.

Axes: S sample (a moment of the exposure, shifted by part of a pixel), V vertex, N fragment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8

from poselift.geometry import Camera
from poselift.simulation.rendering.background import background
from poselift.simulation.rendering.body import body_mesh
from poselift.simulation.rendering.effects import draw_effects, take
from poselift.simulation.rendering.light import Shadow, lit
from poselift.simulation.rendering.looks import Look, draw_look
from poselift.simulation.rendering.paint import cover, draw_noise, paint_person
from poselift.simulation.rendering.raster import Fragments, rasterise
from poselift.simulation.rendering.scenes import FIRST_PART, Scene, draw_scene

#: Where in a pixel, and when in the exposure, each sample looks: shares from -0.5 to 0.5.
_JITTER = np.array([(-0.125, -0.375), (0.375, -0.125), (-0.375, 0.125), (0.125, 0.375)])
_MOMENTS = np.array([-0.375, -0.125, 0.125, 0.375])

#: Metres of body between a joint's centre and the surface, at most: what is nearer than that to
#: the camera is something else. In the order of `h36m_17`, where the legs' joints come first.
_LEGS = np.arange(1, 7)
_TRUNK, _NECK, _HEAD = (0.16, 0.16, 0.15), 0.13, 0.15
_LEG, _ARM = (0.15, 0.09, 0.09), (0.11, 0.08, 0.07)
_THICKNESS = np.array([_TRUNK[0], *_LEG, *_LEG, *_TRUNK[1:], _NECK, _HEAD, *_ARM, *_ARM])


@dataclass(frozen=True, eq=False)
class Picture:
    """image (size, size, 3) RGB; visible (17,): joints that nothing hides from the camera."""

    image: UInt8[np.ndarray, "H W 3"]
    visible: Bool[np.ndarray, " J"]


def render(
    rng: np.random.Generator,
    joints: Float[np.ndarray, "17 3"],
    velocity: Float[np.ndarray, "17 3"],
    camera: Camera,
    crop: Float[np.ndarray, "3 3"],
    size: int,
    floor: float,
    occlusion: float = 0.3,
) -> Picture:
    """Draw a person, clothes and a scene, and take a picture of them.

    rng        decides everything that is not given.
    joints     `h36m_17`, metres, world y up, in the middle of the exposure; velocity in m/s.
    camera     projects, with the distortion of its lens.
    crop       affine map from its pixels to those of the picture, `size` by `size`.
    floor      height of the floor, metres.
    occlusion  how often something stands between the camera and the person.
    """
    look, lattice = draw_look(rng), draw_noise(rng)
    scene = draw_scene(rng, joints, np.array(camera.translation), floor, occlusion)
    effects = draw_effects(rng)
    # bodies where the shutter opens and where it closes; between them everything moves straight
    half = 0.5 * effects.shutter * velocity
    mesh = body_mesh(np.stack([joints - half, joints + half]), look, floor)
    still = np.stack([scene.points, scene.points]).astype(np.float32)
    points = np.concatenate([mesh.points, still], axis=1)
    faces = np.concatenate([mesh.faces, scene.faces + mesh.points.shape[1]])
    seen = camera.to_camera(points)
    pixels = camera.project(seen) @ crop[:2, :2].T + crop[:2, 2]
    share = _MOMENTS[:, None, None] + 0.5
    pixels = pixels[:1] * (1 - share) + pixels[1:] * share - _JITTER[:, None]
    depth = (seen[:1] * (1 - share) + seen[1:] * share)[..., 2]
    found = rasterise(pixels, depth, faces, (size, size))

    # what is behind, once; what is found, sample by sample
    middle = points.mean(axis=0)
    shadow = Shadow(middle, faces, scene, joints)
    behind = effects.soften(background(camera, crop, size, scene, shadow, lattice, joints))
    corners = faces[found.face]
    normals = np.concatenate([mesh.normals.mean(axis=0), scene.normals.astype(np.float32)])
    places = np.concatenate([mesh.place, scene.place.astype(np.float32)])
    blended = found.blend(np.concatenate([places, middle, normals], axis=1)[corners])
    part = np.concatenate([mesh.part, scene.part])[corners[:, 0]]
    surface = _Surface(part, blended[:, :4], blended[:, 4:7], blended[:, 7:])
    light = _shade(surface, look, scene, camera, shadow, lattice)
    image = _joined(behind, found.pixel % (size * size), light, len(_MOMENTS))
    # exposed for the person and the whole picture alike
    person = light[part < FIRST_PART]
    brightness = image.mean()
    if len(person):
        brightness = np.sqrt(brightness * person.mean())
    return Picture(
        image=take(rng, image, float(brightness), effects),
        visible=_visible(camera, crop, joints, found, look),
    )


def _joined(
    behind: Float32[np.ndarray, "H W 3"],
    pixel: Int[np.ndarray, " N"],
    light: Float32[np.ndarray, "N 3"],
    samples: int,
) -> Float32[np.ndarray, "H W 3"]:
    """Mean over a pixel's samples; those that see nothing else see what is behind."""
    count = behind.shape[0] * behind.shape[1]
    share = np.bincount(pixel, minlength=count).reshape(*behind.shape[:2], 1) / samples
    image = behind * (1 - share).astype(np.float32)
    for channel in range(3):
        summed = np.bincount(pixel, light[:, channel], count) / samples
        image[..., channel] += summed.reshape(behind.shape[:2])
    return image


def _visible(
    camera: Camera,
    crop: Float[np.ndarray, "3 3"],
    joints: Float[np.ndarray, "17 3"],
    found: Fragments,
    look: Look,
) -> Bool[np.ndarray, " J"]:
    """Tell which joints lie in the picture with nothing before them but their own part, dressed."""
    size = found.depth.shape[-1]
    seen = camera.to_camera(joints.astype(np.float64))
    pixels = camera.project(seen) @ crop[:2, :2].T + crop[:2, 2]
    inside = ((pixels >= 0) & (pixels < size)).all(axis=1)
    column, row = np.clip(pixels, 0, size - 1).astype(np.int64).T
    surface = found.depth[:, row, column].max(axis=0)
    thick = _THICKNESS * look.girth + max(look.loose)
    thick[_LEGS] += look.flare
    thick[_LEGS[np.arange(6) % 3 < look.skirt]] += 0.12  # hip, knee, ankle below a skirt
    visible: np.ndarray = inside & (surface > seen[:, 2] - thick)
    return visible


@dataclass(frozen=True, eq=False)
class _Surface:
    """Points of surfaces that pixels see: which part, place for paint, where, and its normal."""

    part: Int[np.ndarray, " N"]
    place: Float[np.ndarray, "N 4"]
    where: Float[np.ndarray, "N 3"]
    normal: Float[np.ndarray, "N 3"]


def _shade(
    surface: _Surface,
    look: Look,
    scene: Scene,
    camera: Camera,
    shadow: Shadow,
    lattice: Float[np.ndarray, "L L 3"],
) -> Float[np.ndarray, "N 3"]:
    """Paint and light what pixels see."""
    part, place, normal = surface.part, surface.place, surface.normal
    color = np.empty((len(part), 3), dtype=np.float32)
    gloss = np.zeros(len(part), dtype=np.float32)
    body = np.flatnonzero(part < FIRST_PART)
    color[body], gloss[body], folds = paint_person(part[body], place[body], look, lattice)
    normal[body] += folds
    for number, material in enumerate(scene.materials):
        rows = np.flatnonzero(part == FIRST_PART + number)
        color[rows] = cover(material, place[rows, 1], place[rows, 2], lattice)
    return lit(color, gloss, normal, surface.where, scene, camera, shadow)
