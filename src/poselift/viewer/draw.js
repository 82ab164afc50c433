// Draws the present frame on the two canvases.
const GRID = 0.5; // metres between the lines of the floor
const APART = 1.3; // metres between people drawn side by side

const ink = {}; // colours of the page.css in force

function readColours() {
  const css = getComputedStyle(document.documentElement);
  const value = (name) => css.getPropertyValue("--" + name).trim();
  for (const name of ["panel", "floor", "grid", "ink", "muted", "left", "right", "middle"]) {
    ink[name] = value(name);
  }
  ink.people = value("people").split(",").map((colour) => colour.trim());
}

const personColour = (i) =>
  people.length > 1 ? ink.people[i % ink.people.length] : ink.middle;
const boneColour = (side, i) => (side === "middle" ? personColour(i) : ink[side]);

/** Match a canvas to its size on the screen and return a context in CSS pixels. */
function begin(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const pixels = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) {
    [canvas.width, canvas.height] = pixels;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.lineCap = pen.lineJoin = "round";
  return { pen, width, height };
}

function line(pen, from, to, width, colour) {
  pen.beginPath();
  pen.moveTo(from[0], from[1]);
  pen.lineTo(to[0], to[1]);
  pen.lineWidth = width;
  pen.strokeStyle = colour;
  pen.stroke();
}

function dot(pen, at, radius, colour) {
  pen.beginPath();
  pen.arc(at[0], at[1], radius, 0, 2 * Math.PI);
  pen.fillStyle = colour;
  pen.fill();
}

function label(pen, text, at, colour, align = "center") {
  pen.font = "600 12px system-ui, sans-serif";
  pen.textAlign = align;
  pen.textBaseline = "middle";
  pen.lineWidth = 4;
  pen.strokeStyle = ink.panel;
  pen.strokeText(text, at[0], at[1]);
  pen.fillStyle = colour;
  pen.fillText(text, at[0], at[1]);
}

// ---- 2D: pixels of the image, y down ------------------------------------------------------

function drawFlat() {
  const { pen, width, height } = begin(byId("flat"));
  const [left, top, right, bottom] = clip.frame_box;
  const margin = 14;
  const scale = Math.min(
    (width - 2 * margin) / (right - left),
    (height - 2 * margin) / (bottom - top)
  );
  const x0 = (width - scale * (right - left)) / 2;
  const y0 = (height - scale * (bottom - top)) / 2;
  const place = ([x, y]) => [x0 + scale * (x - left), y0 + scale * (y - top)];
  const box = [x0, y0, scale * (right - left), scale * (bottom - top)];
  pen.fillStyle = ink.floor;
  pen.fillRect(...box);
  pen.lineWidth = 1;
  pen.strokeStyle = ink.grid;
  pen.strokeRect(...box);
  pen.save();
  pen.beginPath();
  pen.rect(...box);
  pen.clip();
  people.forEach((person, i) => {
    const pose = person.flat.at(state.index);
    if (pose) drawFlatPerson(pen, person, i, pose.map((p) => p && place(p)));
  });
  pen.restore();
  drawImageAxes(pen, x0, y0);
}

function drawFlatPerson(pen, person, i, points) {
  const seen = points.filter((p) => p);
  if (!seen.length) return;
  const tall = Math.max(...seen.map((p) => p[1])) - Math.min(...seen.map((p) => p[1]));
  const thick = clamp(tall / 55, 1.6, 5);
  pen.globalAlpha = state.person < 0 || state.person === i ? 1 : 0.22;
  for (const [parent, child, side] of person.flat.bones) {
    if (points[parent] && points[child]) {
      line(pen, points[parent], points[child], thick, boneColour(side, i));
    }
  }
  points.forEach((p, joint) => {
    if (p) dot(pen, p, thick * 0.8, boneColour(person.flat.sides[joint], i));
  });
  if (people.length > 1) {
    const head = seen.reduce((high, p) => (p[1] < high[1] ? p : high));
    const name = pen.canvas.clientWidth < 480 ? person.short : person.name;
    label(pen, name, [head[0], Math.max(head[1] - 14, 10)], personColour(i));
  }
  pen.globalAlpha = 1;
}

function drawImageAxes(pen, x0, y0) {
  const [x, y] = [x0 + 8, y0 + 8];
  line(pen, [x, y], [x + 22, y], 1.5, ink.muted);
  line(pen, [x, y], [x, y + 22], 1.5, ink.muted);
  label(pen, "x", [x + 30, y], ink.muted);
  label(pen, "y", [x, y + 31], ink.muted);
}

// ---- 3D: metres; camera axes are x right, y down, z forward ---------------------------------

/** Projection of the present view. World here: X right, Y up, Z towards the filming camera,
 *  floor at Y = 0. `look` gives eye coordinates, `screen` CSS pixels. */
function makeEye(width, height, count) {
  const focal = 2.4 * Math.min(width, height); // a long lens: little distortion
  const halfWidth = reach.side + ((count - 1) * APART) / 2;
  const fit = focal * Math.max((1.2 * reach.up) / height, (2.15 * halfWidth) / width);
  const distance = (fit + 0.35 * reach.side) / view.zoom;
  const [sy, cy] = [Math.sin(view.yaw), Math.cos(view.yaw)];
  const [sp, cp] = [Math.sin(view.pitch), Math.cos(view.pitch)];
  const look = ([x, y, z]) => {
    const up = y - reach.up * 0.48;
    const [right, near] = [cy * x + sy * z, cy * z - sy * x];
    return [right, cp * up - sp * near, distance - sp * up - cp * near];
  };
  const screen = ([x, y, depth]) => [
    width / 2 + (focal * x) / depth,
    height / 2 - (focal * y) / depth,
    focal / depth, // CSS pixels a metre at that depth
  ];
  const turn = ([x, y, z]) => [cy * x + sy * z, cp * y - sp * (cy * z - sy * x)];
  return { look, screen, turn };
}

/** A segment in world coordinates as two screen points, cut where it passes the eye, or null. */
function segment(eye, from, to) {
  const near = 0.08;
  let [a, b] = [eye.look(from), eye.look(to)];
  if (a[2] < near && b[2] < near) return null;
  const cut = (p, q) => p.map((v, k) => v + ((q[k] - v) * (near - p[2])) / (q[2] - p[2]));
  if (a[2] < near) a = cut(a, b);
  if (b[2] < near) b = cut(b, a);
  return { from: eye.screen(a), to: eye.screen(b), depth: (a[2] + b[2]) / 2 };
}

function drawFloor(pen, eye, count) {
  const deep = GRID * Math.ceil((reach.side + 0.5) / GRID);
  const wide = GRID * Math.ceil((deep + ((count - 1) * APART) / 2) / GRID);
  const rule = (from, to, width) => {
    const s = segment(eye, from, to);
    if (s) line(pen, s.from, s.to, width, ink.grid);
  };
  const corners = [[-wide, 0, deep], [wide, 0, deep], [wide, 0, -deep], [-wide, 0, -deep]];
  const eyes = corners.map(eye.look);
  if (eyes.every((p) => p[2] > 0.08)) {
    pen.beginPath();
    eyes.map(eye.screen).forEach((p) => pen.lineTo(p[0], p[1]));
    pen.fillStyle = ink.floor;
    pen.fill();
  }
  for (let x = -wide; x <= wide + 1e-6; x += GRID) rule([x, 0, -deep], [x, 0, deep], 1);
  for (let z = -deep; z <= deep + 1e-6; z += GRID) rule([-wide, 0, z], [wide, 0, z], 1);
  const sign = eye.look([0, 0, deep + 0.16]);
  const at = eye.screen(sign);
  const fits = sign[2] > 0.08 && at[0] > 60 && at[0] < pen.canvas.clientWidth - 60;
  if (fits) label(pen, "▲ camera side", at, ink.muted);
}

/** World positions of a person's joints, feet on the floor, moved sideways by `offset`. */
function standing(person, offset) {
  const pose = person.solid.at(state.index);
  const height = person.heights[state.index];
  return pose && pose.map((p) => p && [p[0] + offset, height - p[1], -p[2]]);
}

function bonesOf(eye, person, i, points) {
  const bones = [];
  for (const [parent, child, side] of person.solid.bones) {
    if (!points[parent] || !points[child]) continue;
    const s = segment(eye, points[parent], points[child]);
    if (!s) continue;
    const ends = [parent, child].map((joint) => boneColour(person.solid.sides[joint], i));
    bones.push({ ...s, ends, colour: boneColour(side, i) });
  }
  return bones;
}

function drawShadow(pen, eye, person, points) {
  pen.globalAlpha = 0.16;
  for (const [parent, child] of person.solid.bones) {
    if (!points[parent] || !points[child]) continue;
    const [a, b] = [points[parent], points[child]].map((p) => [p[0], 0, p[2]]);
    const s = segment(eye, a, b);
    if (s) line(pen, s.from, s.to, clamp(0.036 * s.from[2], 1, 40), ink.ink);
  }
  pen.globalAlpha = 1;
}

function drawSolid() {
  const { pen, width, height } = begin(byId("solid"));
  const who = shown().sort((a, b) => people[a].across - people[b].across); // as in the image
  const eye = makeEye(width, height, who.length);
  drawFloor(pen, eye, who.length);
  const cast = who.map((i, place) => {
    const offset = APART * (place - (who.length - 1) / 2);
    return { i, offset, person: people[i], points: standing(people[i], offset) };
  });
  const present = cast.filter(({ points }) => points);
  present.forEach(({ person, points }) => drawShadow(pen, eye, person, points));
  const bones = present.flatMap(({ i, person, points }) => bonesOf(eye, person, i, points));
  bones.sort((a, b) => b.depth - a.depth); // far ones first
  for (const bone of bones) {
    const thick = clamp(0.034 * bone.from[2], 2, 40);
    line(pen, bone.from, bone.to, thick + 2.5, ink.panel); // an edge against what is behind
    line(pen, bone.from, bone.to, thick, bone.colour);
    dot(pen, bone.from, thick * 0.7, bone.ends[0]);
    dot(pen, bone.to, thick * 0.7, bone.ends[1]);
  }
  if (people.length > 1) present.forEach((one) => nameInSolid(pen, eye, one));
  drawAxes(pen, eye, height);
}

function nameInSolid(pen, eye, { i, offset, person, points }) {
  const top = Math.max(0, ...points.filter((p) => p).map((p) => p[1]));
  const at = eye.look([offset, top + 0.16, 0]);
  if (at[2] > 0.08) label(pen, person.name, eye.screen(at), personColour(i));
}

/** The camera's axes in the corner, turned as the scene is. */
function drawAxes(pen, eye, height) {
  const at = [46, height - 46];
  const axes = { x: [1, 0, 0], y: [0, -1, 0], z: [0, 0, -1] };
  for (const [name, direction] of Object.entries(axes)) {
    const [right, up] = eye.turn(direction);
    line(pen, at, [at[0] + 26 * right, at[1] - 26 * up], 2, ink.muted);
    // an axis that points at the reader has no room for its name
    if (Math.hypot(right, up) < 0.35) continue;
    label(pen, name, [at[0] + 36 * right, at[1] - 36 * up], ink.muted);
  }
}
