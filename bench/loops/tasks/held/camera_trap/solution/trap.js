"use strict";

/** Sightings are {animal, at, count}; `at` is the hour of the day. */
function atNight(sightings, dusk = 20, dawn = 6) {
  return sightings
    .filter(({ at }) => at >= dusk || at < dawn)
    .sort((a, b) => a.at - b.at);
}

/** How often every animal was seen, the highest count first. */
function mostSeen(sightings) {
  const counts = new Map();
  for (const { animal, count } of sightings) {
    counts.set(animal, (counts.get(animal) ?? 0) + count);
  }
  return [...counts]
    .map(([animal, count]) => ({ animal, count }))
    .sort((a, b) => b.count - a.count);
}

function label(animal, count) {
  return count === 1 ? `1 ${animal}` : `${count} x ${animal}`;
}

function lines(sightings) {
  return atNight(sightings).map(
    ({ animal, at, count }) => `${String(at).padStart(2, "0")}h ${label(animal, count)}`,
  );
}

module.exports = { atNight, mostSeen, label, lines };
