"""Run by Blender's own Python (`bpy`): open a BVH or GLB, print what is in it as JSON.

    python blender_read.py FILE [FRAME_RATE [PICTURE FRAME ...]]

Printed: the scene's frame rate and range right after the import, and for each frame and bone the
place of the bone's head, in metres, y up (Blender is z-up: its x, z, -y). FRAME_RATE is set before
the import, as a user of a GLB does, which does not set it itself. PICTURE is a folder for pictures
of the frames after it.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import bpy


def opened(path: str, rate: float | None) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    if rate is not None:
        scene.render.fps = max(1, round(rate))
        scene.render.fps_base = scene.render.fps / rate
    if path.endswith(".bvh"):
        bpy.ops.import_anim.bvh(filepath=path, update_scene_fps=True, update_scene_duration=True)
    else:
        bpy.ops.import_scene.gltf(filepath=path)


def armatures() -> list:
    return [one for one in bpy.data.objects if one.type == "ARMATURE"]


def seen() -> dict:
    scene = bpy.context.scene
    ranges = [tuple(action.frame_range) for action in bpy.data.actions]
    first = math.floor(min(low for low, _ in ranges) + 1e-3)
    last = math.ceil(max(high for _, high in ranges) - 1e-3)
    places: dict[str, list] = {}
    for frame in range(first, last + 1):
        scene.frame_set(frame)
        for armature in armatures():
            for bone in armature.pose.bones:
                x, y, z = armature.matrix_world @ bone.head
                key = f"{armature.name}/{bone.name}"
                places.setdefault(key, []).append([x, z, -y])
    rest = {}
    for armature in armatures():
        for bone in armature.data.bones:
            x, y, z = armature.matrix_world @ bone.head_local
            rest[f"{armature.name}/{bone.name}"] = [x, z, -y]
    meshes = [one for one in bpy.data.objects if one.type == "MESH"]
    return {
        "fps": scene.render.fps / scene.render.fps_base,
        "scene_range": [scene.frame_start, scene.frame_end],
        "action_ranges": ranges,
        "places": places,
        "rest": rest,
        "meshes": {
            one.name: {
                "vertices": len(one.data.vertices),
                "skinned": any(m.type == "ARMATURE" for m in one.modifiers),
            }
            for one in meshes
        },
    }


def pictures(folder: Path, frames: list[str]) -> None:
    """Render some frames, or with "rest" the rest pose, from the front and a little from above."""
    from mathutils import Vector

    scene = bpy.context.scene
    places = [
        Vector(p)
        for arm in armatures()
        for b in arm.pose.bones
        for p in [arm.matrix_world @ b.head]
    ]
    middle = sum(places, Vector()) / len(places)
    if not any(one.type == "MESH" for one in bpy.data.objects):
        _balls()
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.location = (middle.x + 1.6, middle.y - 4.2, 1.7)
    direction = Vector((middle.x, middle.y, 0.9)) - camera.location
    camera.rotation_euler = direction.to_track_quat("-Z", "Y").to_euler()
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    sun.data.energy, sun.rotation_euler = 3.0, (0.6, 0.2, 0.4)
    for one in (camera, sun):
        scene.collection.objects.link(one)
    bpy.ops.mesh.primitive_grid_add(
        x_subdivisions=12, y_subdivisions=12, size=6, location=(middle.x, middle.y, 0)
    )
    world = bpy.data.worlds.new("world")
    world.color = (0.8, 0.8, 0.8)
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (0.7, 0.75, 0.8, 1)
    scene.world, scene.camera = world, camera
    scene.render.engine, scene.cycles.samples = "CYCLES", 8
    scene.render.resolution_x, scene.render.resolution_y = 480, 480
    for frame in frames:
        for armature in armatures():
            armature.data.pose_position = "REST" if frame == "rest" else "POSE"
        if frame != "rest":
            scene.frame_set(int(frame))
        scene.render.filepath = str(folder / f"{frame}.png")
        bpy.ops.render.render(write_still=True)


def _balls() -> None:
    """Give an armature without a mesh a stick for each bone, so that it is seen in a picture."""
    for armature in armatures():
        for bone in armature.pose.bones:
            bpy.ops.mesh.primitive_cone_add(
                vertices=8, radius1=0.03, radius2=0.01, depth=max(bone.length, 0.02)
            )
            stick = bpy.context.object
            stick.data.transform(
                __import__("mathutils").Matrix.Translation((0, 0, max(bone.length, 0.02) / 2))
            )
            stick.data.transform(__import__("mathutils").Matrix.Rotation(-math.pi / 2, 4, "X"))
            constraint = stick.constraints.new("COPY_TRANSFORMS")
            constraint.target, constraint.subtarget = armature, bone.name


def main() -> None:
    path, *rest = sys.argv[1:]
    opened(path, float(rest[0]) if rest and rest[0] != "-" else None)
    print("JSON" + json.dumps(seen()))
    if len(rest) > 1:
        pictures(Path(rest[1]), rest[2:])


if __name__ == "__main__":
    main()
