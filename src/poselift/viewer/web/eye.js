// The point of view. Scene: x right, y up, z towards the reader, metres, the floor at y = 0.

const NEAR = 0.08; // metres in front of the eye from where on things are seen

/** A projection. `view` has yaw, pitch (radians) and zoom; `target` is the point looked at, shown
 *  at `centre` (CSS pixels) in a `width` x `height` that holds a body or room of half width `wide`
 *  and height `tall` (metres). */
export function makeEye({ view, target, centre, width, height, wide, tall }) {
  const focal = 2.4 * Math.min(width, height); // a long lens: little distortion
  const fit = focal * Math.max((1.2 * tall) / height, (2.15 * wide) / width);
  const distance = (fit + 0.35 * wide) / view.zoom;
  const [sy, cy] = [Math.sin(view.yaw), Math.cos(view.yaw)];
  const [sp, cp] = [Math.sin(view.pitch), Math.cos(view.pitch)];
  /** A direction as right and up on the screen. */
  const turn = ([x, y, z]) => [cy * x + sy * z, cp * y - sp * (cy * z - sy * x)];
  const look = (point) => {
    const [x, y, z] = [point[0] - target[0], point[1] - target[1], point[2] - target[2]];
    const near = cy * z - sy * x;
    return [cy * x + sy * z, cp * y - sp * near, distance - sp * y - cp * near];
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
