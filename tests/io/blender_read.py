"""Run by Blender's own Python (`bpy`): open a BVH or GLB, print what is in it as JSON.

    python blender_read.py FILE [FRAME_RATE]

Printed: the scene's frame rate and range right after the import, and for each frame and bone the
place of the bone's head, in metres, y up (Blender is z-up: its x, z, -y). FRAME_RATE is set before
the import, as a user of a GLB does, which does not set it itself.
"""

from __future__ import annotations

import json
import math
import sys

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


def main() -> None:
    path, *rate = sys.argv[1:]
    opened(path, float(rate[0]) if rate else None)
    print("JSON" + json.dumps(seen()))


if __name__ == "__main__":
    main()
