import { byTime, toHundredths } from "./times.js";

/** Return heats, the fastest one last. A heat is a list with one place for each lane. */
export function drawHeats(entries, pool) {
  const swimmers = entries
    .map(({ name, time }) => ({ name, time: toHundredths(time) }))
    .sort(byTime);
  const heats = [];
  for (let first = 0; first < swimmers.length; first += pool.order.length) {
    const group = swimmers.slice(first, first + pool.order.length);
    heats.unshift(place(group, pool));
  }
  return heats;
}

function place(group, pool) {
  const lanes = Array.from({ length: pool.lanes }, () => ({ swimmer: null }));
  group.forEach((swimmer, rank) => {
    const lane = lanes[pool.order[rank] - 1];
    lane.swimmer = swimmer.name;
  });
  return lanes.map((lane) => lane.swimmer);
}

/** Return the start list of one heat, free lanes left out. */
export function startList(heat) {
  return heat
    .map((name, index) => ({ name, lane: index + 1 }))
    .filter(({ name }) => name !== null)
    .map(({ name, lane }) => `Lane ${lane}: ${name}`);
}
