// What stands in the scene of eye.js: the floor, bodies, their marks on the floor, the axes.
import { dot, label, line, polyline } from "./canvas.js";
import { clamp } from "./clip.js";

const SQUARE = 0.5; // metres between the lines of the floor

const boneColour = (side, body, ink) => (side === "middle" ? body.colour : ink[side]);

/** A floor from x0 to x1 and z0 to z1, widened to whole squares. */
export function drawFloor(pen, eye, [x0, x1, z0, z1], ink) {
  const [left, far] = [x0, z0].map((v) => SQUARE * Math.floor(v / SQUARE));
  const [right, near] = [x1, z1].map((v) => SQUARE * Math.ceil(v / SQUARE));
  const corners = [[left, 0, far], [right, 0, far], [right, 0, near], [left, 0, near]];
  const seen = corners.map(eye.see);
  if (seen.every(Boolean)) {
    pen.beginPath();
    seen.forEach((p) => pen.lineTo(p[0], p[1]));
    pen.fillStyle = ink.floor;
    pen.fill();
  }
  pen.beginPath();
  const rule = (from, to) => {
    const s = eye.segment(from, to);
    if (!s) return;
    pen.moveTo(s.from[0], s.from[1]);
    pen.lineTo(s.to[0], s.to[1]);
  };
  for (let x = left; x <= right + 1e-6; x += SQUARE) rule([x, 0, far], [x, 0, near]);
  for (let z = far; z <= near + 1e-6; z += SQUARE) rule([left, 0, z], [right, 0, z]);
  pen.lineWidth = 1;
  pen.strokeStyle = ink.grid;
  pen.stroke();
}

/** A disc on the floor about [x, z]. */
function disc(pen, eye, [x, z], radius, colour, filled) {
  const rim = [];
  for (let k = 0; k < 24; k++) {
    const turn = (k * Math.PI) / 12;
    const p = eye.see([x + radius * Math.cos(turn), 0, z + radius * Math.sin(turn)]);
    if (!p) return;
    rim.push(p);
  }
  if (!filled) return polyline(pen, [...rim, rim[0]], 1.5, colour);
  pen.beginPath();
  rim.forEach((p) => pen.lineTo(p[0], p[1]));
  pen.fillStyle = colour;
  pen.fill();
}

/** Shadow, path, steps, standing feet: what lies on the floor under a body. */
export function drawUnder(pen, eye, body, ink) {
  pen.globalAlpha = 0.55;
  if (body.path) {
    const points = [];
    for (let k = 0; k < body.path.length; k += 2) {
      const [x, z] = [body.path[k], body.path[k + 1]];
      points.push(Number.isNaN(x) ? null : eye.see([x, 0, z]));
    }
    polyline(pen, points, 1.5, body.colour);
  }
  pen.globalAlpha = 0.45;
  for (const [x, z, side] of body.prints || []) {
    disc(pen, eye, [x, z], 0.045, ink[side ? "right" : "left"], true);
  }
  pen.globalAlpha = 0.16;
  for (const [parent, child] of body.bones) {
    const [a, b] = [body.points[parent], body.points[child]];
    const s = a && b && eye.segment([a[0], 0, a[2]], [b[0], 0, b[2]]);
    if (s) line(pen, s.from, s.to, clamp(0.036 * s.from[2], 1, 40), ink.ink);
  }
  pen.globalAlpha = 1;
  for (const [point, side] of body.standing || []) {
    if (!point) continue;
    disc(pen, eye, [point[0], point[2]], 0.13, ink[side], false);
  }
}

/** Bones and joints of all bodies, far ones first. */
export function drawBodies(pen, eye, bodies, ink) {
  const bones = [];
  for (const body of bodies) {
    for (const [parent, child, side] of body.bones) {
      if (!body.points[parent] || !body.points[child]) continue;
      const s = eye.segment(body.points[parent], body.points[child]);
      if (!s) continue;
      const ends = [parent, child].map((joint) => boneColour(body.sides[joint], body, ink));
      bones.push({ ...s, ends, colour: boneColour(side, body, ink) });
    }
  }
  bones.sort((a, b) => b.depth - a.depth);
  for (const bone of bones) {
    const thick = clamp(0.034 * bone.from[2], 1.6, 40);
    line(pen, bone.from, bone.to, thick + 2.5, ink.panel); // an edge against what is behind
    line(pen, bone.from, bone.to, thick, bone.colour);
    dot(pen, bone.from, thick * 0.7, bone.ends[0]);
    dot(pen, bone.to, thick * 0.7, bone.ends[1]);
  }
}

/** Where hands and feet were a moment ago, older parts paler. */
export function drawTrails(pen, eye, body, ink) {
  for (const { side, points } of body.trails || []) {
    for (let k = 1; k < points.length; k++) {
      if (!points[k - 1] || !points[k]) continue;
      const s = eye.segment(points[k - 1], points[k]);
      pen.globalAlpha = (0.7 * k) / points.length;
      if (s) line(pen, s.from, s.to, 2, boneColour(side, body, ink));
    }
  }
  pen.globalAlpha = 1;
}

/** Place above a body where its name can stand, or null. */
export function overHead(eye, body) {
  const seen = body.points.filter(Boolean);
  if (!seen.length) return null;
  const mean = (k) => seen.reduce((sum, p) => sum + p[k], 0) / seen.length;
  return eye.see([mean(0), Math.max(...seen.map((p) => p[1])) + 0.16, mean(2)]);
}

/** The filming camera as a small pyramid that looks along -z. */
export function drawCamera(pen, eye, [x, y, z], ink) {
  const rim = [[-1, 1], [1, 1], [1, -1], [-1, -1]].map(([a, b]) => [
    x + 0.16 * a,
    y + 0.1 * b,
    z - 0.25,
  ]);
  rim.forEach((corner, k) => {
    for (const end of [[x, y, z], rim[(k + 1) % 4]]) {
      const s = eye.segment(corner, end);
      if (s) line(pen, s.from, s.to, 1.5, ink.muted);
    }
  });
  const at = eye.see([x, y + 0.3, z]);
  if (at) label(pen, "camera", at, ink.muted, ink);
}

/** The axes of the data in a corner, turned as the scene is. */
export function drawAxes(pen, eye, axes, at, ink) {
  for (const [name, direction] of Object.entries(axes)) {
    const [right, up] = eye.turn(direction);
    line(pen, at, [at[0] + 26 * right, at[1] - 26 * up], 2, ink.muted);
    // an axis that points at the reader has no room for its name
    if (Math.hypot(right, up) < 0.35) continue;
    label(pen, name, [at[0] + 36 * right, at[1] - 36 * up], ink.muted, ink);
  }
}
