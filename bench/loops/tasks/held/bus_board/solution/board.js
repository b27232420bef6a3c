"use strict";

/** Departures are {line, to, at}; `at` is minutes since midnight. */
function upcoming(departures, now, within = 60) {
  return departures
    .filter(({ at }) => at >= now && at <= now + within)
    .sort((a, b) => a.at - b.at);
}

/** Only the first departure of every line, in the order they leave. */
function nextPerLine(departures) {
  const seen = new Set();
  const sorted = [...departures].sort((a, b) => a.at - b.at);
  return sorted.filter(({ line }) => {
    if (seen.has(line)) return false;
    seen.add(line);
    return true;
  });
}

function countdown(at, now) {
  const minutes = at - now;
  return minutes <= 0 ? "now" : `${minutes} min`;
}

function rows(departures, now) {
  return upcoming(departures, now).map(
    ({ line, to, at }) => `${line.padStart(3)} ${to.padEnd(10)} ${countdown(at, now)}`,
  );
}

module.exports = { upcoming, nextPerLine, countdown, rows };
