// The point of view. Scene: x right, y up, z towards the reader, metres, the floor at y = 0.

const NEAR = 0.08; // metres in front of the eye from where on things are seen

/** A projection. `view` has yaw, pitch (radians) and zoom; `target` is the point looked at, shown
 *  at `centre` (CSS pixels). At zoom 1 the `width` x `height` about it holds a body of half width
 *  `wide` and height `tall` (metres) from every side, or exactly the points `hold`. */
export function makeEye({ view, target, centre, width, height, wide, tall, hold }) {
  const focal = 2.4 * Math.min(width, height); // a long lens: little distortion
  const [sy, cy] = [Math.sin(view.yaw), Math.cos(view.yaw)];
  const [sp, cp] = [Math.sin(view.pitch), Math.cos(view.pitch)];
  /** A direction as right and up on the screen. */
  const turn = ([x, y, z]) => [cy * x + sy * z, cp * y - sp * (cy * z - sy * x)];
  /** How far a point is to the right of the target, above it and nearer than it. */
  const aim = (point) => {
    const [x, y, z] = [point[0] - target[0], point[1] - target[1], point[2] - target[2]];
    const near = cy * z - sy * x;
    return [cy * x + sy * z, cp * y - sp * near, sp * y + cp * near];
  };
  let fit = focal * Math.max((1.2 * tall) / height, (2.15 * wide) / width) + 0.35 * wide;
  if (hold) {
    const needs = hold.map(aim).map(([right, up, near]) => {
      const share = Math.max(Math.abs(right) / (0.47 * width), Math.abs(up) / (0.44 * height));
      return near + focal * share;
    });
    fit = Math.max(...needs);
  }
  const distance = fit / view.zoom;
  const look = (point) => {
    const [right, up, near] = aim(point);
    return [right, up, distance - near];
  };
  const screen = ([right, up, depth]) => [
    centre[0] + (focal * right) / depth,
    centre[1] - (focal * up) / depth,
    focal / depth, // CSS pixels a metre at that depth
  ];
  /** Where a point is on the screen, or null behind the eye. */
  const see = (point) => {
    const p = look(point);
    return p[2] > NEAR ? screen(p) : null;
  };
  /** A segment as two points on the screen, cut where it passes the eye, or null. */
  const segment = (from, to) => {
    let [a, b] = [look(from), look(to)];
    if (a[2] < NEAR && b[2] < NEAR) return null;
    const cut = (p, q) => p.map((v, k) => v + ((q[k] - v) * (NEAR - p[2])) / (q[2] - p[2]));
    if (a[2] < NEAR) a = cut(a, b);
    if (b[2] < NEAR) b = cut(b, a);
    return { from: screen(a), to: screen(b), depth: (a[2] + b[2]) / 2 };
  };
  return { see, segment, turn, centre };
}
