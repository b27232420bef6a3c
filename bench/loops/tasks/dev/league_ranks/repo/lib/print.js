"use strict";

const { table } = require("./table.js");

const signed = (number) => (number > 0 ? `+${number}` : String(number));

/** Print a table; a shared place is only shown once. */
function print(games) {
  let shown = 0;
  return table(games)
    .map(([place, team]) => {
      const mark = place === shown ? "" : `${place}.`;
      shown = place;
      const difference = signed(team.difference).padStart(4);
      return `${mark.padStart(3)} ${team.name.padEnd(12)}${difference} ${team.points}`;
    })
    .join("\n");
}

/** Return the names of the teams that go down: everybody whose place is behind `last`. */
function relegated(games, last) {
  return table(games)
    .filter(([place]) => place > last)
    .map(([, team]) => team.name);
}

module.exports = { print, relegated };
