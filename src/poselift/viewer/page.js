// The player: what is shown, the clock, the hands on it, the page around it.
const START = { yaw: -0.6, pitch: 0.24, zoom: 1 };
const VIEWS = {
  camera: { yaw: 0, pitch: 0, zoom: 1 },
  side: { yaw: -Math.PI / 2, pitch: 0.06, zoom: 1 },
  top: { yaw: 0, pitch: 1.5, zoom: 1 },
  reset: START,
};

const reach = reachOf();
const view = { ...START };
const state = { index: 0, playing: false, clock: 0, speed: 1, person: -1, last: 0, asked: false };

const shown = () => people.map((_, i) => i).filter((i) => state.person < 0 || i === state.person);

// ---- playing ------------------------------------------------------------------------------

function ask() {
  if (state.asked) return;
  state.asked = true;
  requestAnimationFrame(tick);
}

function tick(now) {
  state.asked = false;
  if (state.playing) {
    const passed = clamp((now - state.last) / 1000, 0, 1) * state.speed;
    state.clock = (state.clock + passed) % duration;
    state.index = indexAt(state.clock);
    ask();
  }
  state.last = now;
  drawSolid();
  drawFlat();
  tell();
}

function seek(index) {
  state.index = clamp(Math.round(index), 0, length - 1);
  state.clock = times[state.index] - times[0];
  ask();
}

function setPlaying(playing) {
  state.playing = playing && length > 1;
  state.last = performance.now();
  const button = byId("play");
  button.classList.toggle("playing", state.playing);
  button.setAttribute("aria-label", state.playing ? "Pause" : "Play");
  button.title = state.playing ? "Pause (space)" : "Play (space)";
  ask();
}

/** Write the frame and the time beside the slider. */
function tell() {
  const seconds = (t) => (t < 1000 ? t.toFixed(2) : t.toFixed(1)) + " s";
  const now = state.index;
  const empty = !shown().some((i) => people[i].solid.at(now) || people[i].flat.at(now));
  let text = `Frame ${frames[now]} of ${frames[length - 1]}`;
  if (clip.rate_known) text += ` · ${seconds(times[now])} of ${seconds(times[length - 1])}`;
  if (empty) text += " · nobody";
  byId("readout").textContent = text;
  byId("scrub").value = now;
  if (!state.playing) byId("scrub").setAttribute("aria-valuetext", text);
}

// ---- hands --------------------------------------------------------------------------------

function look(change) {
  view.yaw = change.yaw ?? view.yaw;
  view.pitch = clamp(change.pitch ?? view.pitch, -1.55, 1.55);
  view.zoom = clamp(change.zoom ?? view.zoom, 0.3, 8);
  ask();
}

const orbit = (dx, dy) => look({ yaw: view.yaw + dx * 0.008, pitch: view.pitch + dy * 0.008 });
const zoom = (factor) => look({ zoom: view.zoom * factor });

function listenToPointers(canvas) {
  const held = new Map();
  const spread = () => {
    const [a, b] = [...held.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  canvas.addEventListener("pointermove", (event) => {
    const last = held.get(event.pointerId);
    if (!last) return;
    const before = held.size === 2 ? spread() : 0;
    const now = { x: event.clientX, y: event.clientY };
    held.set(event.pointerId, now);
    if (held.size === 1) orbit(now.x - last.x, now.y - last.y);
    else if (before > 0) zoom(spread() / before);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, (event) => held.delete(event.pointerId));
  }
  canvas.addEventListener("dblclick", () => look(START));
  const turnWheel = (event) => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 33 : 1;
    zoom(Math.exp(-clamp(event.deltaY * lines, -240, 240) * 0.0015));
  };
  canvas.addEventListener("wheel", turnWheel, { passive: false });
}

/** What a key does in the 3D view, or undefined. */
function turnKey(event) {
  if (document.activeElement !== byId("solid")) return undefined;
  const turns = { ArrowLeft: [-15, 0], ArrowRight: [15, 0], ArrowUp: [0, -15], ArrowDown: [0, 15] };
  if (event.shiftKey && turns[event.key]) return () => orbit(...turns[event.key]);
  const zooms = { "+": 1.15, "=": 1.15, "-": 1 / 1.15 };
  if (zooms[event.key]) return () => zoom(zooms[event.key]);
  return event.key === "0" ? () => look(START) : undefined;
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
  const presses = on instanceof HTMLButtonElement || on.tagName === "SUMMARY";
  let act = turnKey(event) || (event.shiftKey ? undefined : steps[event.key]);
  if (event.key === " " && !presses) act = () => setPlaying(!state.playing);
  if (!act) return;
  if (event.key in steps && !event.shiftKey) setPlaying(false);
  event.preventDefault();
  act();
}

function listen() {
  byId("play").addEventListener("click", () => setPlaying(!state.playing));
  byId("scrub").addEventListener("input", (event) => seek(Number(event.target.value)));
  byId("speed").addEventListener("change", (event) => (state.speed = Number(event.target.value)));
  byId("person").addEventListener("change", (event) => {
    state.person = Number(event.target.value);
    ask();
  });
  for (const button of document.querySelectorAll("[data-view]")) {
    button.addEventListener("click", () => look(VIEWS[button.dataset.view]));
  }
  listenToPointers(byId("solid"));
  document.addEventListener("keydown", onKey);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    readColours();
    ask();
  });
  const sizes = new ResizeObserver(ask);
  for (const id of ["solid", "flat"]) sizes.observe(byId(id));
  window.addEventListener("resize", ask); // also when the pixel ratio changes
}

// ---- page ---------------------------------------------------------------------------------

function fillPage() {
  const add = (tag, text, parent) => {
    const node = document.createElement(tag);
    node.textContent = text;
    return parent.appendChild(node);
  };
  byId("summary").textContent = clip.summary;
  byId("image-size").textContent = clip.image_label;
  byId("scrub").max = length - 1;
  byId("play").disabled = byId("scrub").disabled = length < 2;
  byId("rate").hidden = clip.rate_known || length < 2;
  byId("who").hidden = byId("apart").hidden = people.length < 2;
  byId("middle").hidden = people.length > 1; // then it has the person's colour
  add("option", "everyone", byId("person")).value = -1;
  people.forEach((person, i) => (add("option", person.name, byId("person")).value = i));
  for (const [name, value] of clip.facts) {
    add("dt", name, byId("facts"));
    add("dd", value, byId("facts"));
  }
}

readColours();
fillPage();
listen();
// page.html#frame=120 opens, paused, at frame 120
const wanted = /^#frame=(\d+)$/.exec(location.hash);
const nearest = (frame) => {
  let best = 0;
  frames.forEach((f, i) => {
    if (Math.abs(f - frame) < Math.abs(frames[best] - frame)) best = i;
  });
  return best;
};
if (wanted) seek(nearest(Number(wanted[1])));
setPlaying(!wanted && !matchMedia("(prefers-reduced-motion: reduce)").matches);

window.poselift = {
  get frame() { return frames[state.index]; },
  get playing() { return state.playing; },
  setFrame(frame) { seek(nearest(frame)); },
};
