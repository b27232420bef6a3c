import { distance, summit } from "./ride.js";

const BLOCKS = "▁▂▃▄▅▆▇█";

/** Return the heights of a ride as a line of blocks. */
export function sparkline(points) {
  const heights = points.map((point) => point.height);
  const low = Math.min(...heights);
  const span = Math.max(...heights) - low;
  return heights
    .map((height) => (span === 0 ? 0 : (height - low) / span))
    .map((share) => BLOCKS[Math.round(share * (BLOCKS.length - 1))])
    .join("");
}

/** Return a line about a ride. */
export function headline(name, points) {
  const top = summit(points);
  return `${name}: ${distance(points).toFixed(1)} km, highest point ${top.height} m`;
}
