"""Pictures of a BVH or GLB as Blender shows it, to look at: run by Blender's own Python (`bpy`).

    ~/.cache/poselift-ci/bpy/bin/python scripts/blender_pictures.py FILE FOLDER FRAME ...

FRAME is a number, or "rest" for the rest pose; each becomes FOLDER/FRAME.png. The floor is at
Blender's z = 0 and has lines every half a metre; the camera stands in front, at a height of 1.7 m.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
from mathutils import Matrix, Vector

#: Metres from the middle of the person to the camera.
DISTANCE = 4.5


def material(red: float, green: float, blue: float) -> bpy.types.Material:
    """Return a plain material of a colour."""
    made = bpy.data.materials.new("plain")
    made.use_nodes = True
    made.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (
        red,
        green,
        blue,
        1.0,
    )
    return made


def armatures() -> list[bpy.types.Object]:
    """Return the skeletons of the scene."""
    return [one for one in bpy.data.objects if one.type == "ARMATURE"]


def sticks() -> None:
    """Give each bone a cone, so that a skeleton without a mesh is seen."""
    paint = material(0.8, 0.3, 0.1)
    for armature in armatures():
        for bone in armature.pose.bones:
            bpy.ops.mesh.primitive_cone_add(
                vertices=8, radius1=0.035, radius2=0.01, depth=max(bone.length, 0.02)
            )
            stick = bpy.context.object
            stick.data.transform(Matrix.Translation((0, 0, max(bone.length, 0.02) / 2)))
            stick.data.transform(Matrix.Rotation(-1.5707963, 4, "X"))  # along y, as bones are
            stick.data.materials.append(paint)
            follow = stick.constraints.new("COPY_TRANSFORMS")
            follow.target, follow.subtarget = armature, bone.name


def stage(middle: Vector) -> None:
    """Add a floor, light and a camera that looks at the person."""
    scene = bpy.context.scene
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.location = (middle.x + 0.35 * DISTANCE, middle.y - 0.93 * DISTANCE, 1.7)
    camera.data.lens = 40
    towards = Vector((middle.x, middle.y, 0.85)) - camera.location
    camera.rotation_euler = towards.to_track_quat("-Z", "Y").to_euler()
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    sun.data.energy, sun.rotation_euler = 3.0, (0.6, 0.2, 0.4)
    for one in (camera, sun):
        scene.collection.objects.link(one)
    light, dark = material(0.75, 0.75, 0.75), material(0.45, 0.45, 0.5)
    for i in range(-5, 6):
        for j in range(-5, 6):
            place = (round(middle.x) + i * 0.5, round(middle.y) + j * 0.5, 0)
            bpy.ops.mesh.primitive_plane_add(size=0.5, location=place)
            bpy.context.object.data.materials.append(light if (i + j) % 2 else dark)
    world = bpy.data.worlds.new("world")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (0.8, 0.85, 0.9, 1)
    scene.world, scene.camera = world, camera
    scene.render.engine, scene.cycles.samples = "CYCLES", 8
    scene.render.resolution_x, scene.render.resolution_y = 480, 480
    scene.view_settings.view_transform = "Standard"


def main() -> None:
    """Import the file and render the frames."""
    path, folder, *frames = sys.argv[1:]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if path.lower().endswith(".bvh"):
        bpy.ops.import_anim.bvh(filepath=path, update_scene_fps=True)
    else:
        bpy.ops.import_scene.gltf(filepath=path)
    scene = bpy.context.scene
    numbers = [int(frame) for frame in frames if frame != "rest"]
    scene.frame_set(numbers[0] if numbers else 1)
    heads = [one.matrix_world @ bone.head for one in armatures() for bone in one.pose.bones]
    middle = sum(heads, Vector()) / len(heads)
    if not any(one.type == "MESH" and one.find_armature() for one in bpy.data.objects):
        sticks()
    stage(middle)
    for frame in frames:
        for armature in armatures():
            armature.data.pose_position = "REST" if frame == "rest" else "POSE"
        if frame != "rest":
            scene.frame_set(int(frame))
        scene.render.filepath = str(Path(folder).resolve() / f"{frame}.png")
        bpy.ops.render.render(write_still=True)


if __name__ == "__main__":
    main()
