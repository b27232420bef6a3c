"use strict";

const RESULT = /^(?<home>.+?) - (?<away>.+?) (?<scored>\d+):(?<conceded>\d+)$/;

/** Read lines such as "Harbour - North End 2:1"; games that were not played yet have no score. */
function readResults(text) {
  const games = [];
  for (const line of text.split("\n")) {
    const match = RESULT.exec(line.trim());
    if (match === null) continue;
    const { home, away, scored, conceded } = match.groups;
    games.push({ home, away, score: [Number(scored), Number(conceded)] });
  }
  return games;
}

module.exports = { readResults };
