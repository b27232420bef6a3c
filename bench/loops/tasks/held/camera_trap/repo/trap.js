"use strict";

/** Sightings are {animal, at, count}; `at` is the hour of the day. */
function atNight(sightings, dusk = 20, dawn = 6) {
  return sightings
    .filter(({ at }) => at >= dusk || at < dawn)
    .sort((a, b) => a.at - b.at);
}

function label(animal, count) {
  return count === 1 ? `1 ${animal}` : `${count} x ${animal}`;
}

function lines(sightings) {
  return atNight(sightings).map(
    ({ animal, at, count }) => `${String(at).padStart(2, "0")}h ${label(animal, count)}`,
  );
}

module.exports = { atNight, label, lines };
