// Fingers, mouse and wheel on the 3D panel.
import { clamp } from "./clip.js";

/** Call `orbit(dx, dy)` and `zoom(factor)` while a canvas is dragged, pinched or wheeled over, and
 *  `reset()` on a double click. */
export function listenToHands(canvas, { orbit, zoom, reset }) {
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
  canvas.addEventListener("dblclick", reset);
  const turnWheel = (event) => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 33 : 1;
    zoom(Math.exp(-clamp(event.deltaY * lines, -240, 240) * 0.0015));
  };
  canvas.addEventListener("wheel", turnWheel, { passive: false });
}
