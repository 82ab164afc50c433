// The clip: opens the data block that clip.py wrote. Arrays are little-endian base64; int16
// coordinates are origin + step * value, -32768 is missing.
const MISSING = -32768;

export const clamp = (x, low, high) => Math.min(high, Math.max(low, x));

export function bytesOf(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

const decode = (text, Type) => new Type(bytesOf(text).buffer);

/** 2D or 3D poses of one person: `at(index)` is an array of points (null: missing), or null.
 *  What `offsets` say is added; a frame whose offset is unknown has no pose. */
function openTrack(track, rows, rowOf) {
  if (!track) return null;
  const values = decode(track.values, Int16Array);
  const offsets = track.offsets && decode(track.offsets, Float32Array);
  const { origin, step, sides } = track;
  const [dims, joints] = [origin.length, sides.length];
  const offsetAt = (index) => {
    const row = rowOf[index];
    if (row < 0 || Number.isNaN(offsets[3 * row])) return null;
    return offsets.subarray(3 * row, 3 * row + 3);
  };
  const jointAt = (index, joint) => {
    const row = rowOf[index];
    const start = (row * joints + joint) * dims;
    if (row < 0 || values[start] === MISSING) return null;
    const offset = offsets ? offsetAt(index) : origin;
    if (!offset) return null;
    const point = new Array(dims);
    for (let k = 0; k < dims; k++) point[k] = offset[k] + step * values[start + k];
    return point;
  };
  const at = (index) => {
    if (rowOf[index] < 0 || (offsets && !offsetAt(index))) return null;
    return sides.map((_, joint) => jointAt(index, joint));
  };
  const contacts = track.contacts && decode(track.contacts, Uint8Array);
  const stands = (index, side) => Boolean(contacts && contacts[2 * rowOf[index] + side]);
  const path = track.path && decode(track.path, Float32Array);
  const prints = (track.prints || []).map(([x, z, side, row]) => [x, z, side, rows[row]]);
  return { ...track, at, jointAt, offsetAt, stands, path, prints };
}

function openAngles(plots, rowOf) {
  return plots.map(({ label, step, curves }) => ({
    label,
    curves: Object.entries(curves).map(([side, text]) => {
      const values = decode(text, Int16Array);
      const at = (index) => {
        const row = rowOf[index];
        return row < 0 || values[row] === MISSING ? NaN : step * values[row];
      };
      return { side, at };
    }),
  }));
}

/** Cells for people who are not seen at the same time can be the same: the number of each. */
function slotsOf(people, spans) {
  const order = people.map((_, i) => i);
  order.sort((a, b) => spans[a][0] - spans[b][0] || people[a].across - people[b].across);
  const ends = [];
  const slots = [];
  for (const i of order) {
    let slot = ends.findIndex((end) => end < spans[i][0]);
    if (slot < 0) slot = ends.length;
    ends[slot] = spans[i][1];
    slots[i] = slot;
  }
  return slots;
}

export function openClip(data) {
  const frames = decode(data.frames, Float64Array);
  const times = decode(data.times, Float64Array);
  const length = frames.length;
  const spans = [];
  const people = data.people.map((person, i) => {
    const rows = decode(person.rows, Int32Array);
    const rowOf = new Int32Array(length).fill(-1);
    rows.forEach((index, row) => (rowOf[index] = row));
    spans.push([rows[0], rows[rows.length - 1]]);
    return {
      ...person,
      i,
      flat: openTrack(person.flat, rows, rowOf),
      solid: openTrack(person.solid, rows, rowOf),
      angles: openAngles(person.angles, rowOf),
    };
  });
  slotsOf(people, spans).forEach((slot, i) => (people[i].slot = slot));
  /** Slots of all people seen from one frame to another, in order. */
  const slotsSeen = (from, to) => {
    const seen = people.filter(({ i }) => spans[i][0] <= to && spans[i][1] >= from);
    return [...new Set(seen.map(({ slot }) => slot))].sort((a, b) => a - b);
  };

  /** Last frame at or before `time` (seconds since the first frame). */
  const indexAt = (time) => {
    let [low, high] = [0, length - 1];
    const wanted = time + times[0] + 1e-9;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (times[middle] <= wanted) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  /** The frame whose number in the source is nearest to `frame`. */
  const nearest = (frame) => {
    let best = 0;
    for (let i = 1; i < length; i++) {
      if (Math.abs(frames[i] - frame) < Math.abs(frames[best] - frame)) best = i;
    }
    return best;
  };
  const duration = times[length - 1] - times[0] + data.tail;
  return { ...data, frames, times, length, duration, people, slotsSeen, indexAt, nearest };
}
