// Curves over time with a playhead: joint angles, left and right of a joint in one plot.
import { begin, line } from "./canvas.js";

const HEIGHT = 96; // CSS pixels
const MARGIN = { left: 34, right: 8, top: 6, bottom: 18 };

const add = (tag, name, parent) => {
  const node = parent.appendChild(document.createElement(tag));
  node.className = name;
  return node;
};

const inDegrees = (v) => `${Math.round(v)}°`.replace("-", "−");

/** Round steps so that about `count` of them fill `span`. */
function niceStep(span, count) {
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((k) => k * power).find((step) => step >= rough);
}

function rangeOf(curves, length) {
  let [low, high] = [Infinity, -Infinity];
  for (const { at } of curves) {
    for (let i = 0; i < length; i++) {
      const v = at(i);
      if (v < low) low = v;
      if (v > high) high = v;
    }
  }
  if (low > high) return [0, 90];
  const room = Math.max(5, 0.06 * (high - low));
  return [low - room, high + room];
}

/** Plots of the angles that a person of the clip has, in `parent`; `seek(index)` is called when one
 *  is clicked. `update(index)` moves the playheads, `redraw(ink)` draws all anew. */
export function makePlots(parent, plots, clip, seek) {
  const { times, length } = clip;
  const span = times[length - 1] - times[0] || 1;
  const all = plots.map((plot) => {
    const box = add("figure", "plot", parent);
    const head = add("figcaption", "", box);
    add("b", "", head).textContent = plot.label;
    const values = plot.curves.map(({ side, at }) => {
      const part = add("span", "value", head);
      add("i", "swatch " + side, part);
      return { at, name: side === "middle" ? "" : side + " ", text: add("span", "", part) };
    });
    const field = add("div", "field", box);
    const canvas = add("canvas", "", field);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${plot.label} over time, degrees`);
    const playhead = add("div", "playhead", field);
    const inner = () => canvas.clientWidth - MARGIN.left - MARGIN.right;
    const onto = (event) => {
      if (event.type === "pointermove" && !event.buttons) return;
      const share = (event.offsetX - MARGIN.left) / inner();
      seek(clip.indexAt(Math.min(Math.max(share, 0), 1) * span));
    };
    canvas.addEventListener("pointerdown", onto);
    canvas.addEventListener("pointermove", onto);
    return { ...plot, canvas, playhead, values, inner, range: rangeOf(plot.curves, length) };
  });
  const update = (index) => {
    const share = (times[index] - times[0]) / span;
    for (const { playhead, values, inner } of all) {
      playhead.style.transform = `translateX(${Math.round(MARGIN.left + share * inner())}px)`;
      for (const { at, name, text } of values) {
        const degrees = at(index);
        text.textContent = name + (Number.isNaN(degrees) ? "–" : inDegrees(degrees));
      }
    }
  };
  const redraw = (ink) => all.forEach((plot) => drawPlot(plot, clip, span, ink));
  return { update, redraw };
}

function drawPlot({ canvas, curves, range }, clip, span, ink) {
  const { times, length } = clip;
  const { pen, width } = begin(canvas);
  const [low, high] = range;
  const bottom = HEIGHT - MARGIN.bottom;
  const inner = width - MARGIN.left - MARGIN.right;
  const x = (time) => MARGIN.left + ((time - times[0]) / span) * inner;
  const y = (v) => bottom - ((v - low) / (high - low)) * (bottom - MARGIN.top);
  pen.font = "11px system-ui, sans-serif";
  pen.fillStyle = ink.muted;
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  const step = niceStep(high - low, 3);
  for (let v = Math.ceil(low / step) * step; v <= high; v += step) {
    line(pen, [MARGIN.left, y(v)], [width - MARGIN.right, y(v)], 1, ink.grid);
    pen.fillText(inDegrees(v), MARGIN.left - 5, y(v));
  }
  pen.textAlign = "center";
  const tick = niceStep(span, width / 90);
  for (let t = Math.ceil(times[0] / tick) * tick; t <= times[length - 1] + 1e-9; t += tick) {
    line(pen, [x(t), bottom], [x(t), bottom + 4], 1, ink.muted);
    const text = `${+t.toFixed(3)} s`;
    const half = pen.measureText(text).width / 2;
    pen.fillText(text, Math.min(Math.max(x(t), half), width - half), bottom + 11);
  }
  for (const { side, at } of curves) {
    pen.beginPath();
    let column = -1;
    let pending = true;
    let [least, most] = [0, 0];
    for (let i = 0; i < length; i++) {
      const v = at(i);
      if (Number.isNaN(v)) {
        pending = true;
        continue;
      }
      const here = Math.round(2 * x(times[i]));
      const inside = here === column && !pending && v >= least && v <= most;
      if (inside) continue; // adds nothing to this half pixel's column
      if (here !== column || pending) [least, most] = [v, v];
      [least, most, column] = [Math.min(least, v), Math.max(most, v), here];
      if (pending) pen.moveTo(x(times[i]), y(v));
      pen.lineTo(x(times[i]), y(v));
      pending = false;
    }
    pen.lineWidth = 1.8;
    pen.strokeStyle = ink[side];
    pen.stroke();
  }
}
