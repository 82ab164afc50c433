// The point of view on the 3D panel, and the hands and keys that change it.
import { clamp } from "./clip.js";
import { listenToHands } from "./hands.js";

const START = { yaw: -0.6, pitch: 0.24, zoom: 1 };
const VIEWS = {
  camera: { yaw: 0, pitch: 0, zoom: 1 },
  side: { yaw: -Math.PI / 2, pitch: 0.06, zoom: 1 },
  top: { yaw: 0, pitch: 1.5, zoom: 1 },
  reset: START,
};

/** A view of a canvas that buttons ([data-view]), mouse and fingers change; then `ask()` is called.
 *  `turnKey(event)` is what a key does while the canvas is focused, or undefined. */
export function makeView(canvas, ask) {
  const view = { ...START };
  const look = (change) => {
    view.yaw = change.yaw ?? view.yaw;
    view.pitch = clamp(change.pitch ?? view.pitch, -1.55, 1.55);
    view.zoom = clamp(change.zoom ?? view.zoom, 0.3, 8);
    ask();
  };
  const orbit = (dx, dy) => look({ yaw: view.yaw + dx * 0.008, pitch: view.pitch + dy * 0.008 });
  const zoom = (factor) => look({ zoom: view.zoom * factor });
  const reset = () => look(START);
  for (const button of document.querySelectorAll("[data-view]")) {
    button.addEventListener("click", () => look(VIEWS[button.dataset.view]));
  }
  listenToHands(canvas, { orbit, zoom, reset });
  const turns = { ArrowLeft: [-15, 0], ArrowRight: [15, 0], ArrowUp: [0, -15], ArrowDown: [0, 15] };
  const zooms = { "+": 1.15, "=": 1.15, "-": 1 / 1.15 };
  const turnKey = ({ key, shiftKey }) => {
    if (document.activeElement !== canvas) return undefined;
    if (shiftKey && turns[key]) return () => orbit(...turns[key]);
    if (zooms[key]) return () => zoom(zooms[key]);
    return key === "0" ? reset : undefined;
  };
  return { view, turnKey };
}
