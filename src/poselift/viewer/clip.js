// The clip: reads the JSON block #clip that page.py wrote. Arrays are little-endian base64;
// int16 coordinates are origin + step * value, -32768 is missing.
const MISSING = -32768;
const byId = (id) => document.getElementById(id);
const clamp = (x, low, high) => Math.min(high, Math.max(low, x));

function decode(text, Type) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return new Type(bytes.buffer);
}

/** One person's 2D or 3D poses: `at(index)` is an array of points (null: missing), or null. */
function openTrack(track, length) {
  const values = decode(track.values, Int16Array);
  const rowOf = new Int32Array(length).fill(-1);
  decode(track.rows, Int32Array).forEach((index, row) => (rowOf[index] = row));
  const dims = track.origin.length;
  const joints = track.sides.length;
  const point = (start) => {
    if (values[start] === MISSING) return null;
    return track.origin.map((zero, axis) => zero + track.step * values[start + axis]);
  };
  const at = (index) => {
    const row = rowOf[index];
    if (row < 0) return null;
    return track.sides.map((_, joint) => point((row * joints + joint) * dims));
  };
  return { at, bones: track.bones, sides: track.sides, feet: track.feet };
}

/** Height of the lowest joint below the root (metres) for each frame. While both feet are
 *  missing the last height is kept, so that the body does not drop onto its knees. */
function standingHeights(solid, length) {
  const heights = new Float32Array(length);
  let last = null;
  for (let index = 0; index < length; index++) {
    const pose = solid.at(index);
    if (pose && (last === null || !solid.feet.length || solid.feet.some((f) => pose[f]))) {
      const seen = pose.filter((p) => p);
      if (seen.length) last = Math.max(...seen.map((p) => p[1]));
    }
    heights[index] = last === null ? 0 : last;
  }
  return heights;
}

const clip = JSON.parse(byId("clip").textContent);
const frames = decode(clip.frames, Float64Array);
const times = decode(clip.times, Float64Array);
const length = frames.length;
const duration = times[length - 1] - times[0] + clip.tail;
const people = clip.people.map((person) => {
  const solid = openTrack(person.solid, length);
  const flat = openTrack(person.flat, length);
  return { ...person, flat, solid, heights: standingHeights(solid, length) };
});

/** Last frame at or before `time` (seconds since the first frame). */
function indexAt(time) {
  let low = 0;
  let high = length - 1;
  const wanted = time + times[0] + 1e-9;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (times[middle] <= wanted) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** How far the 3D bodies reach over the clip, in metres, to choose the distance of the eye. */
function reachOf() {
  const reach = { up: 0.9, side: 0.45 };
  const stride = Math.max(1, Math.floor(length / 400));
  for (const person of people) {
    for (let index = 0; index < length; index += stride) {
      for (const p of person.solid.at(index) || []) {
        if (!p) continue;
        reach.up = Math.max(reach.up, person.heights[index] - p[1]);
        reach.side = Math.max(reach.side, Math.hypot(p[0], p[2]));
      }
    }
  }
  return reach;
}
