// The live page: frames come as server-sent events and are drawn as soon as there is time.
import { readInk } from "./canvas.js";
import { drawFlat } from "./flat.js";
import { drawSolid } from "./solid.js";
import { makeView } from "./views.js";

const byId = (id) => document.getElementById(id);
const clip = JSON.parse(byId("clip").textContent);
const state = { frame: null, asked: false, ink: readInk(), drawn: 0, lags: [], ended: false };

function draw() {
  state.asked = false;
  const { frame, ink } = state;
  const people = frame ? frame.people : [];
  const names = people.length > 1;
  const body = ({ id }, points, skeleton, cell) => ({
    ...skeleton,
    points,
    cell,
    name: `Person ${id}`,
    short: String(id),
    colour: names ? ink.people[id % ink.people.length] : ink.middle,
  });
  const solids = people.filter(({ solid }) => solid);
  const bodies = solids.map((one, cell) => body(one, one.solid, clip.solid, cell));
  const cells = Math.max(bodies.length, 1);
  const { scene } = clip;
  drawSolid(byId("solid"), { scene, filmed: true, bodies, cells, view, names, ink });
  const flats = people.map((one) => body(one, one.flat, clip.flat, 0));
  const film = !byId("film").hidden;
  const [width, height] = clip.image_size;
  const box = [0, 0, width, height];
  const [x, y, scale] = drawFlat(byId("flat"), { box, bodies: flats, names, film, ink });
  byId("film").style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
  if (frame && !frame.seen) tell(frame);
}

/** Say how fast and how late it is: from the moment a frame was taken until it was drawn. */
function tell(frame) {
  frame.seen = true;
  state.drawn += 1;
  state.lags.push(Date.now() - 1000 * frame.taken);
  if (state.lags.length > 500) state.lags.shift();
  const late = state.lags.slice(-30).sort((a, b) => a - b);
  const count = frame.people.length === 1 ? "1 person" : `${frame.people.length} people`;
  const rate = frame.fps ? ` · ${frame.fps.toFixed(0)} frames/s` : "";
  const middle = Math.round(late[late.length >> 1]);
  const more = frame.told ? ` · ${frame.told}` : "";
  byId("told").textContent = `${count}${rate} · drawn after ${middle} ms${more}`;
}

function ask() {
  if (state.asked) return;
  state.asked = true;
  requestAnimationFrame(draw);
}

const { view, turnKey } = makeView(byId("solid"), ask);
const source = new EventSource("events");
source.addEventListener("message", (event) => {
  state.frame = JSON.parse(event.data); // an older one that was not drawn yet is dropped
  byId("film").hidden = !state.frame.picture;
  if (state.frame.picture) byId("film").src = state.frame.picture;
  ask();
});
source.addEventListener("end", () => {
  source.close();
  state.ended = true;
  byId("told").textContent += " · ended";
});
source.addEventListener("error", () => (byId("told").textContent = "no connection"));
document.addEventListener("keydown", (event) => {
  const act = turnKey(event);
  if (!act) return;
  event.preventDefault();
  act();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  state.ink = readInk();
  ask();
});
const sizes = new ResizeObserver(ask);
for (const id of ["solid", "flat"]) sizes.observe(byId(id));
byId("film").style.width = `${clip.image_size[0]}px`;
byId("film").style.height = `${clip.image_size[1]}px`;
ask();

window.poselift = {
  get drawn() { return state.drawn; }, // frames
  get lags() { return state.lags; }, // milliseconds from taken to drawn, of the last 500
  get ended() { return state.ended; },
};
