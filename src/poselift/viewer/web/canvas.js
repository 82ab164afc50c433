// Strokes on a canvas, in CSS pixels.

/** Colours of the page.css in force. */
export function readInk() {
  const css = getComputedStyle(document.documentElement);
  const value = (name) => css.getPropertyValue("--" + name).trim();
  const ink = { people: value("people").split(",").map((colour) => colour.trim()) };
  for (const name of ["panel", "floor", "grid", "ink", "muted", "left", "right", "middle"]) {
    ink[name] = value(name);
  }
  return ink;
}

/** Match a canvas to its size on the screen, clear it and return pen, width and height. */
export function begin(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
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

export function line(pen, from, to, width, colour) {
  pen.beginPath();
  pen.moveTo(from[0], from[1]);
  pen.lineTo(to[0], to[1]);
  pen.lineWidth = width;
  pen.strokeStyle = colour;
  pen.stroke();
}

/** A line through points; null breaks it. */
export function polyline(pen, points, width, colour) {
  pen.beginPath();
  let pending = true;
  for (const p of points) {
    if (p && pending) pen.moveTo(p[0], p[1]);
    else if (p) pen.lineTo(p[0], p[1]);
    pending = !p;
  }
  pen.lineWidth = width;
  pen.strokeStyle = colour;
  pen.stroke();
}

export function dot(pen, at, radius, colour) {
  pen.beginPath();
  pen.arc(at[0], at[1], radius, 0, 2 * Math.PI);
  pen.fillStyle = colour;
  pen.fill();
}

const LABEL = "600 12px system-ui, sans-serif";

/** How wide a label is. */
export function labelWidth(pen, text) {
  pen.font = LABEL;
  return pen.measureText(text).width;
}

export function label(pen, text, at, colour, ink) {
  pen.font = LABEL;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.lineWidth = 4;
  pen.strokeStyle = ink.panel;
  pen.strokeText(text, at[0], at[1]);
  pen.fillStyle = colour;
  pen.fillText(text, at[0], at[1]);
}

/** Names at points: inside of the canvas, and moved up, down or aside where they would overlap.
 *  Each wish has `text`, `at` and `colour`. */
export function labelAll(pen, wishes, width, height, ink) {
  const taken = [];
  const clear = (box) =>
    taken.every((t) => Math.abs(t.x - box.x) > t.w + box.w || Math.abs(t.y - box.y) > 14);
  for (const { text, at, colour } of [...wishes].sort((a, b) => a.at[1] - b.at[1])) {
    const w = labelWidth(pen, text) / 2 + 3;
    const inside = (x, y) => ({
      x: Math.min(Math.max(x, w + 2), Math.max(width - w - 2, w + 2)),
      y: Math.min(Math.max(y, 10), height - 10),
      w,
    });
    let box = inside(at[0], at[1]);
    for (let step = 1; !clear(box) && step < 240; step++) {
      const turn = 2.4 * step; // a spiral that widens by a line of text each round
      const far = 6 * Math.sqrt(step);
      const next = inside(at[0] + 2 * far * Math.sin(turn), at[1] - far * Math.cos(turn));
      if (clear(next)) box = next;
    }
    taken.push(box);
    if (Math.hypot(box.x - at[0], box.y - at[1]) > 24) line(pen, [box.x, box.y], at, 0.8, colour);
    label(pen, text, [box.x, box.y], colour, ink);
  }
}
