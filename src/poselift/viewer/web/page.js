// The player: what is shown, the clock, and the wires between the parts.
import { fillAbout } from "./about.js";
import { readInk } from "./canvas.js";
import { clamp, openClip } from "./clip.js";
import { openFilm } from "./film.js";
import { drawFlat, windowOn } from "./flat.js";
import { makePlots } from "./plots.js";
import { drawSolid } from "./solid.js";
import { makeView } from "./views.js";

const TRAIL = 1; // seconds of a trail
const ROUNDED = 0.0011; // seconds by which videos round their time stamps at most
const STEPS = 5; // seconds before and after now of which steps are shown
const GLIMPSE = 1; // seconds before and after someone is seen for which a stage is kept
const LARGE = 3.5; // half width in metres of a room through which people are followed

const byId = (id) => document.getElementById(id);
const clip = openClip(JSON.parse(byId("clip").textContent));
const { people, frames, times, length, scene } = clip; // times in seconds
const state = {
  index: 0,
  clock: 0, // seconds since the first frame
  last: 0, // when the clock was looked at
  playing: false,
  asked: false,
  speed: 1,
  person: -1,
  follow: false,
  trails: false,
  whole: false, // the whole image, not the person
  ink: readInk(),
  film: null,
  window: null,
  plots: null,
};

const chosen = (i) => state.person < 0 || i === state.person;
const shown = () => people.filter(({ i }) => chosen(i));
const colourOf = (i) =>
  people.length > 1 ? state.ink.people[i % state.ink.people.length] : state.ink.middle;

// ---- drawing --------------------------------------------------------------------------------

/** A person in 3D at the present frame as bodies.js draws it, or null. */
function bodyAt({ i, name, short, slot, solid }, slots) {
  const now = state.index;
  const points = solid && solid.at(now);
  if (!points) return null;
  const { sides, bones, ankles, path } = solid;
  const prints = solid.prints.filter(([, , , at]) => Math.abs(times[at] - times[now]) < STEPS);
  const standing = ankles
    .map((joint, side) => [joint === null ? null : points[joint], ["left", "right"][side]])
    .filter((_, side) => solid.stands(now, side));
  const cell = slots.indexOf(slot);
  const place = solid.offsetAt(now);
  const trails = state.trails ? trailsOf(solid) : [];
  const colour = colourOf(i);
  return { name, short, cell, colour, points, sides, bones, place, path, prints, standing, trails };
}

/** Stages of the people who are seen about now, so that one glimpse costs the others no room. */
function slotsNow() {
  if (state.person >= 0) return [people[state.person].slot];
  const [from, to] = [-1, 1].map((s) => clip.indexAt(times[state.index] - times[0] + s * GLIMPSE));
  return clip.slotsSeen(from, to);
}

function trailsOf({ trails, sides, jointAt }) {
  let start = state.index;
  while (start > 0 && times[state.index] - times[start - 1] <= TRAIL) start -= 1;
  return trails.map((joint) => {
    const points = [];
    for (let index = start; index <= state.index; index++) points.push(jointAt(index, joint));
    return { side: sides[joint], points };
  });
}

function draw() {
  if (scene) draw3D();
  if (!byId("flat-panel").hidden) draw2D();
  if (state.plots) state.plots.update(state.index);
  tell();
}

function draw3D() {
  const { ink, follow } = state;
  const names = people.length > 1;
  const slots = slotsNow();
  const bodies = shown().map((person) => bodyAt(person, slots)).filter(Boolean);
  const cells = Math.max(slots.length, 1);
  const filmed = Boolean(clip.frame_box);
  drawSolid(byId("solid"), { scene, filmed, bodies, cells, view, follow, names, ink });
}

function draw2D() {
  const { index, ink, film } = state;
  const names = people.length > 1;
  const bodies = [];
  for (const { i, name, short, flat } of people) {
    const points = flat && flat.at(index);
    if (!points) continue;
    const { sides, bones } = flat;
    bodies.push({ name, short, sides, bones, points, colour: colourOf(i), pale: !chosen(i) });
  }
  const video = byId("film");
  const box = clip.frame_box || [0, 0, video.videoWidth || 1, video.videoHeight || 1];
  const window = state.whole || !state.window ? null : state.window(index);
  const [x, y, scale] = drawFlat(byId("flat"), { box, window, bodies, names, film, ink });
  video.style.width = `${box[2] - box[0]}px`;
  video.style.height = `${box[3] - box[1]}px`;
  const [left, top] = [x + scale * box[0], y + scale * box[1]];
  video.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
}

/** Write the frame and the time beside the slider. */
function tell() {
  const seconds = (t) => (Math.abs(t) < 1000 ? t.toFixed(2) : t.toFixed(1)) + " s";
  const now = state.index;
  let text = length > 1 ? `Frame ${now + 1} of ${length}` : "1 of 1";
  if (clip.rate_known && length > 1) {
    text += ` · ${seconds(times[now])} of ${seconds(times[length - 1])}`;
  }
  if (!shown().some(({ solid, flat }) => (solid || flat).at(now))) text += " · nobody";
  byId("readout").textContent = text;
  byId("readout").title = `frame ${frames[now]} in files`;
  byId("scrub").value = now;
  if (!state.playing) byId("scrub").setAttribute("aria-valuetext", text);
}

// ---- the clock --------------------------------------------------------------------------------

function ask() {
  if (state.asked) return;
  state.asked = true;
  requestAnimationFrame(tick);
}

function tick(now) {
  state.asked = false;
  if (state.playing) {
    const passed = clamp((now - state.last) / 1000, 0, 1) * state.speed;
    const filmed = state.film && state.film.time();
    state.clock = typeof filmed === "number" ? filmed - times[0] + ROUNDED : state.clock + passed;
    if (state.clock >= clip.duration) {
      state.clock %= clip.duration;
      rewind();
    }
    state.index = clip.indexAt(state.clock);
    ask();
  }
  state.last = now;
  draw();
}

/** Take the video to the present frame: to its middle, where rounding does no harm. */
function rewind() {
  const next = state.index + 1 < length ? times[state.index + 1] : times[state.index] + clip.tail;
  const film = state.film;
  if (!film) return;
  film.seek(state.playing ? state.clock + times[0] : (times[state.index] + next) / 2);
  if (state.playing) film.play(state.speed);
}

function seek(index) {
  state.index = clamp(Math.round(index), 0, length - 1);
  state.clock = times[state.index] - times[0];
  rewind();
  remember();
  ask();
}

function setPlaying(playing) {
  state.playing = playing && length > 1;
  state.last = performance.now();
  const button = byId("play");
  button.classList.toggle("playing", state.playing);
  button.setAttribute("aria-label", state.playing ? "Pause" : "Play");
  button.title = state.playing ? "Pause (space)" : "Play (space)";
  if (state.film && !state.playing) state.film.pause();
  rewind();
  remember();
  ask();
}

/** Let the address lead to the frame and the person, once nothing moves any more. */
function remember() {
  clearTimeout(state.later);
  if (state.playing) return;
  state.later = setTimeout(() => {
    let hash = `#frame=${frames[state.index]}`;
    if (state.person >= 0) hash += `&person=${encodeURIComponent(people[state.person].short)}`;
    history.replaceState(null, "", hash);
  }, 250);
}

/** page.html#frame=120&person=2 opens, paused, at frame 120 of the source, with person 2 alone. */
function obeyAddress() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  const frame = wanted.get("frame");
  choose(people.findIndex(({ short }) => short === wanted.get("person")));
  if (frame === null || !/^\d+$/.test(frame)) return false;
  seek(clip.nearest(Number(frame)));
  return true;
}

// ---- choices and keys -------------------------------------------------------------------------

/** Show one person, or everyone: -1. */
function choose(person) {
  state.person = person;
  byId("person").value = person;
  state.window = clip.frame_box && windowOn(shown(), clip);
  const told = shown().find(({ angles }) => angles.length);
  byId("angles-panel").hidden = !told;
  byId("angles").replaceChildren();
  state.plots = null;
  if (told) {
    const heading = people.length > 1 ? `Joint angles · ${told.name}` : "Joint angles";
    byId("angles-name").textContent = heading;
    state.plots = makePlots(byId("angles"), told.angles, clip, (index) => {
      setPlaying(false);
      seek(index);
    });
    state.plots.redraw(state.ink);
  }
  remember();
  ask();
}

function press(button, pressed) {
  button.setAttribute("aria-pressed", pressed);
  ask();
}

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const on = event.target;
  if (on instanceof HTMLSelectElement) return; // its own keys choose an option
  const steps = {
    ArrowLeft: () => seek(state.index - 1),
    ArrowRight: () => seek(state.index + 1),
    Home: () => seek(0),
    End: () => seek(length - 1),
  };
  let act = turnKey(event) || (event.shiftKey ? undefined : steps[event.key]);
  const presses = on instanceof HTMLButtonElement;
  if (event.key === " " && !presses) act = () => setPlaying(!state.playing);
  if (!act) return;
  if (event.key in steps && !event.shiftKey) setPlaying(false);
  event.preventDefault();
  act();
}

function refresh() {
  state.ink = readInk();
  if (state.plots) state.plots.redraw(state.ink);
  ask();
}

function listen() {
  byId("play").addEventListener("click", () => setPlaying(!state.playing));
  byId("scrub").addEventListener("input", (event) => seek(Number(event.target.value)));
  byId("person").addEventListener("change", (event) => choose(Number(event.target.value)));
  byId("speed").addEventListener("change", (event) => {
    state.speed = Number(event.target.value);
    if (state.playing) rewind();
  });
  for (const name of ["follow", "trails"]) {
    byId(name).addEventListener("click", () => press(byId(name), (state[name] = !state[name])));
  }
  const windows = document.querySelectorAll("[data-window]");
  for (const button of windows) {
    button.addEventListener("click", () => {
      state.whole = button.dataset.window === "image";
      for (const one of windows) press(one, one === button);
    });
  }
  document.addEventListener("keydown", onKey);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
  const sizes = new ResizeObserver(ask);
  for (const id of ["solid", "flat"]) sizes.observe(byId(id));
  window.addEventListener("resize", refresh); // also when the pixel ratio changes
  window.addEventListener("hashchange", () => {
    setPlaying(false);
    obeyAddress();
  });
}

function openVideo() {
  const video = byId("film");
  video.hidden = false;
  const onFail = () => {
    state.film = null;
    video.hidden = true;
    byId("flat-name").textContent = "2D keypoints";
    byId("image-size").textContent = "the video cannot be played here";
    ask();
  };
  const onFrame = ask;
  const onReady = () => {
    rewind();
    ask();
  };
  byId("flat-name").textContent = "Video and 2D keypoints";
  state.film = openFilm(video, clip.video, byId("film-data").textContent, {
    onReady,
    onFrame,
    onFail,
  });
  byId("film-data").remove(); // twice in memory is once too often
}

const { view, turnKey } = makeView(byId("solid"), ask);
fillAbout(byId, clip);
if (clip.video) openVideo();
if (scene && scene.room) {
  const [x0, x1, z0, z1] = scene.floor;
  byId("follow").hidden = false;
  state.follow = Math.hypot(x1 - x0, z1 - z0) / 2 > LARGE;
  press(byId("follow"), state.follow);
}
listen();
const stopped = obeyAddress();
setPlaying(!stopped && !matchMedia("(prefers-reduced-motion: reduce)").matches);

window.poselift = {
  get frame() { return frames[state.index]; },
  get playing() { return state.playing; },
  setFrame(frame) { seek(clip.nearest(frame)); },
};
