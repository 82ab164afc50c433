// The 3D panel: everyone in one room, or everyone on a stage of their own.
import {
  drawAxes,
  drawBodies,
  drawCamera,
  drawFloor,
  drawTrails,
  drawUnder,
  overHead,
} from "./bodies.js";
import { begin, label, labelAll, labelWidth } from "./canvas.js";
import { makeEye } from "./eye.js";

/** Columns and rows of `count` cells in which bodies become largest. */
function cellsFor(count, width, height, scene) {
  let best = { columns: 1, rows: count, scale: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const scale = Math.min(width / columns / scene.side / 2.15, height / rows / scene.up / 1.2);
    if (scale > best.scale) best = { columns, rows, scale };
  }
  return best;
}

/** Draw `bodies` (what they are: see `bodyAt` of page.js) on a canvas.
 *  scene   room, axes, camera, up, side and floor, as scene.py says.
 *  filmed  whether a camera was there, whose side is marked.
 *  cells   how many stages there are, if not a room; each body has the `cell` it is in.
 *  follow  whether the eye goes with the bodies through the room. */
export function drawSolid(canvas, { scene, filmed, bodies, cells, view, follow, names, ink }) {
  const { pen, width, height } = begin(canvas);
  const corner = [46, height - 46];
  if (scene.room) {
    const eye = roomEye(scene, bodies, view, follow, width, height);
    drawFloor(pen, eye, scene.floor, ink);
    if (scene.camera) drawCamera(pen, eye, scene.camera, ink);
    else if (filmed) drawSign(pen, eye, [(scene.floor[0] + scene.floor[1]) / 2, 0, scene.floor[3] + 0.4], ink);
    drawScene(pen, eye, bodies, ink);
    if (names) nameAll(pen, eye, bodies, width, height, ink);
    drawAxes(pen, eye, scene.axes, corner, ink);
    return;
  }
  const { columns, rows } = cellsFor(cells, width, height, scene);
  const [wide, tall] = [width / columns, height / rows];
  const half = 0.5 * Math.ceil((scene.side + (cells > 1 ? 0.1 : 0.5)) / 0.5);
  const long = bodies.every((body) => labelWidth(pen, body.name) < wide - 8);
  let eye;
  for (let cell = 0; cell < cells; cell++) {
    const centre = [((cell % columns) + 0.5) * wide, (Math.floor(cell / columns) + 0.5) * tall];
    eye = makeEye({
      view,
      target: [0, 0.48 * scene.up, 0],
      centre,
      width: wide,
      height: tall,
      wide: scene.side,
      tall: scene.up,
    });
    const here = bodies.filter((body) => body.cell === cell);
    pen.save();
    pen.beginPath();
    pen.rect(centre[0] - wide / 2, centre[1] - tall / 2, wide, tall);
    pen.clip();
    drawFloor(pen, eye, [-half, half, -half, half], ink);
    if (cells === 1 && filmed) drawSign(pen, eye, [0, 0, half + 0.16], ink);
    drawScene(pen, eye, here, ink);
    pen.restore();
    for (const body of names ? here : []) {
      const text = long ? body.name : body.short;
      label(pen, text, [centre[0], centre[1] - tall / 2 + 12], body.colour, ink);
    }
  }
  const free = cells < columns * rows; // then the last cell has room for them
  drawAxes(pen, eye, scene.axes, free ? [width - 46, height - 46] : corner, ink);
}

/** The eye that sees the whole room, or that follows the bodies in it. */
function roomEye(scene, bodies, view, follow, width, height) {
  const centre = [width / 2, height / 2];
  const lens = { view, centre, width, height, tall: scene.up };
  const present = bodies.filter((body) => body.place);
  if (follow && present.length) {
    const mean = (k) => present.reduce((sum, body) => sum + body.place[k], 0) / present.length;
    const [x, z] = [mean(0), mean(2)];
    const far = present.map(({ place }) => Math.hypot(place[0] - x, place[2] - z));
    const wide = scene.side + Math.max(0.3, ...far);
    return makeEye({ ...lens, target: [x, 0.48 * scene.up, z], wide });
  }
  const inset = Math.max(scene.side - 0.4, 0); // what the longest reach would need is too much
  const [x0, x1, z0, z1] = scene.floor.map((v, k) => v + (k % 2 ? -inset : inset));
  const ground = [[x0, z0], [x0, z1], [x1, z0], [x1, z1]];
  const hold = ground.flatMap(([x, z]) => [[x, 0, z], [x, scene.up, z]]);
  const target = [(x0 + x1) / 2, 0.48 * scene.up, (z0 + z1) / 2];
  return makeEye({ ...lens, target, wide: scene.side, hold });
}

function drawScene(pen, eye, bodies, ink) {
  for (const body of bodies) drawUnder(pen, eye, body, ink);
  for (const body of bodies) drawTrails(pen, eye, body, ink);
  drawBodies(pen, eye, bodies, ink);
}

function drawSign(pen, eye, place, ink) {
  const at = eye.see(place);
  const fits = at && at[0] > 60 && at[0] < pen.canvas.clientWidth - 60;
  if (fits) label(pen, "▲ camera side", at, ink.muted, ink);
}

function nameAll(pen, eye, bodies, width, height, ink) {
  const wishes = [];
  for (const body of bodies) {
    const at = overHead(eye, body);
    const text = bodies.length > 8 ? body.short : body.name;
    if (at) wishes.push({ text, at, colour: body.colour });
  }
  labelAll(pen, wishes, width, height, ink);
}
