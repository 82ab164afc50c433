// The 2D panel: pixels of the image, x right, y down. The person, or the whole image, fills it.
import { begin, dot, label, labelAll, line } from "./canvas.js";
import { clamp } from "./clip.js";

const SAMPLES = 2000; // frames at most that are looked at to choose a window
const STILL = 1.5; // people who roam over no more than this many of their sizes: window stands

function boxOf(people, index) {
  let box = null;
  for (const { flat } of people) {
    for (const p of (flat && flat.at(index)) || []) {
      if (!p) continue;
      box ??= [p[0], p[1], p[0], p[1]];
      for (const k of [0, 1]) {
        box[k] = Math.min(box[k], p[k]);
        box[k + 2] = Math.max(box[k + 2], p[k]);
      }
    }
  }
  return box;
}

function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.round(share * (sorted.length - 1))];
}

/** A window on `people` at each frame: a function of the index that gives centre x, y, width and
 *  height in pixels. Its size never changes; it stands still unless they roam far. */
export function windowOn(people, clip) {
  const stride = Math.ceil(clip.length / SAMPLES);
  const boxes = [];
  for (let index = 0; index < clip.length; index += stride) boxes.push(boxOf(people, index));
  const seen = boxes.filter(Boolean);
  if (!seen.length) return null;
  const margin = 1.22;
  const low = [0, 1].map((k) => quantile(seen.map((b) => b[k]), 0.02));
  const high = [2, 3].map((k) => quantile(seen.map((b) => b[k]), 0.98));
  const size = [0, 1].map((k) => Math.max(1, quantile(seen.map((b) => b[k + 2] - b[k]), 0.95)));
  const roam = [0, 1].map((k) => Math.max(high[k] - low[k], size[k]));
  const [centre, whole] = [[0, 1].map((k) => (low[k] + high[k]) / 2), Math.max(...size)];
  if (Math.max(...roam) <= STILL * whole) {
    return () => [...centre, ...roam.map((v) => v * margin)];
  }
  const track = smoothCentres(boxes, Math.round(1 / (stride * typicalStep(clip))));
  return (index) => {
    const at = index / stride;
    const [a, b] = [Math.floor(at), Math.min(Math.floor(at) + 1, track.length - 1)];
    const mix = (k) => track[a][k] + (at - a) * (track[b][k] - track[a][k]);
    return [mix(0), mix(1), ...size.map((v) => v * margin)];
  };
}

const typicalStep = ({ times, length, tail }) =>
  length > 1 ? (times[length - 1] - times[0]) / (length - 1) : tail || 1;

/** Centres of boxes, held where there is none, as the mean over `reach` samples to both sides. */
function smoothCentres(boxes, reach) {
  const middle = (b) => [(b[0] + b[2]) / 2, (b[1] + b[3]) / 2];
  let last = middle(boxes.find(Boolean));
  const sums = [[0, 0]];
  for (const box of boxes) {
    if (box) last = middle(box);
    const before = sums[sums.length - 1];
    sums.push([before[0] + last[0], before[1] + last[1]]);
  }
  return boxes.map((_, k) => {
    const half = Math.min(reach, k, boxes.length - 1 - k); // as far to both sides
    const [from, to] = [sums[k - half], sums[k + half + 1]];
    return [0, 1].map((axis) => (to[axis] - from[axis]) / (2 * half + 1));
  });
}

/** Draw 2D `bodies` on a canvas and return how image pixels lie on it: x, y and scale.
 *  box     left, top, right and bottom of the image in pixels.
 *  window  centre x, y, width and height of what is shown; null: the whole image.
 *  film    whether a video lies under the canvas. */
export function drawFlat(canvas, { box, window, bodies, names, film, ink }) {
  const { pen, width, height } = begin(canvas);
  const image = [box[2] - box[0], box[3] - box[1]];
  let [x, y, wide, tall] = window || [box[0] + image[0] / 2, box[1] + image[1] / 2, ...image];
  const margin = window ? 0 : 10;
  const scale = Math.min((width - 2 * margin) / wide, (height - 2 * margin) / tall);
  // where the image is large enough to fill the panel, nothing beside it is shown
  const within = (v, low, high, half) =>
    high - low < 2 * half ? v : clamp(v, low + half, high - half);
  if (window) x = within(x, box[0], box[2], width / scale / 2);
  if (window) y = within(y, box[1], box[3], height / scale / 2);
  const [x0, y0] = [width / 2 - scale * x, height / 2 - scale * y];
  const place = (p) => p && [x0 + scale * p[0], y0 + scale * p[1]];
  const frame = [...place(box), scale * (box[2] - box[0]), scale * (box[3] - box[1])];
  if (!film) {
    pen.fillStyle = ink.floor;
    pen.fillRect(...frame);
  }
  pen.lineWidth = 1;
  pen.strokeStyle = ink.grid;
  pen.strokeRect(...frame);
  const placed = bodies.map((body) => ({ ...body, points: body.points.map(place) }));
  for (const body of placed) drawPerson(pen, body, film, ink);
  const wishes = [];
  for (const { points, name, short, colour } of names ? placed : []) {
    const seen = points.filter(Boolean);
    if (!seen.length) continue;
    const head = seen.reduce((high, p) => (p[1] < high[1] ? p : high));
    const inside = head[0] > -40 && head[0] < width + 40 && head[1] > -40 && head[1] < height + 40;
    const text = bodies.length > 8 || width < 420 ? short : name;
    if (inside) wishes.push({ text, at: [head[0], head[1] - 14], colour });
  }
  labelAll(pen, wishes, width, height, ink);
  drawImageAxes(pen, ink);
  return [x0, y0, scale];
}

function drawPerson(pen, { points, bones, sides, colour, pale }, film, ink) {
  const seen = points.filter(Boolean);
  if (!seen.length) return;
  const heights = seen.map((p) => p[1]);
  const thick = clamp((Math.max(...heights) - Math.min(...heights)) / 62, 1.6, 9);
  const colourOf = (side) => (side === "middle" ? colour : ink[side]);
  pen.globalAlpha = pale ? 0.22 : 1;
  for (const [parent, child, side] of bones) {
    if (!points[parent] || !points[child]) continue;
    if (film) line(pen, points[parent], points[child], thick + 2, ink.panel);
    line(pen, points[parent], points[child], thick, colourOf(side));
  }
  points.forEach((p, joint) => p && dot(pen, p, thick * 0.8, colourOf(sides[joint])));
  pen.globalAlpha = 1;
}

function drawImageAxes(pen, ink) {
  const at = [12, 12];
  line(pen, at, [at[0] + 20, at[1]], 1.5, ink.muted);
  line(pen, at, [at[0], at[1] + 20], 1.5, ink.muted);
  label(pen, "x", [at[0] + 28, at[1]], ink.muted, ink);
  label(pen, "y", [at[0], at[1] + 29], ink.muted, ink);
}
