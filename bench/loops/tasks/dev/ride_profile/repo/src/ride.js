/** A bicycle ride is a list of points { km, height }: kilometres from its start, metres of height. */

const KM_PER_HOUR = 18;
const METRES_UP_PER_HOUR = 600;

/** Return the points of a text with a line such as "3.5 820" for each. */
export function readRide(text) {
  return text
    .trim()
    .split("\n")
    .map((line) => {
      const [km, height] = line.trim().split(/\s+/).map(Number);
      if (Number.isNaN(km) || Number.isNaN(height)) throw new Error(`no point: ${line}`);
      return { km, height };
    });
}

export function distance(points) {
  return points.length === 0 ? 0 : points.at(-1).km - points[0].km;
}

/** Return the highest point; of equals the first one. */
export function summit(points) {
  return points.reduce((best, point) => (point.height > best.height ? point : best));
}

/** Return the hours a rider needs for a distance in km and metres uphill. */
export function ridingHours(km, up) {
  const flat = km / KM_PER_HOUR;
  const steep = up / METRES_UP_PER_HOUR;
  return Math.max(flat, steep) + Math.min(flat, steep) / 2;
}
