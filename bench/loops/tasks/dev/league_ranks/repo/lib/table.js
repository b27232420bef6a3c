"use strict";

const WIN = 3;
const DRAW = 1;

class Team {
  constructor(name) {
    this.name = name;
    this.played = 0;
    this.points = 0;
    this.scored = 0;
    this.conceded = 0;
  }

  get difference() {
    return this.scored - this.conceded;
  }

  add(scored, conceded) {
    this.played += 1;
    this.scored += scored;
    this.conceded += conceded;
    if (scored > conceded) this.points += WIN;
    else if (scored === conceded) this.points += DRAW;
  }
}

/** Order two teams: points, then difference, then goals. 0 where they share a place. */
function compare(a, b) {
  return b.points - a.points || b.difference - a.difference || b.scored - a.scored;
}

/** Return the teams of a list of games, by name. */
function collect(games) {
  const teams = new Map();
  const team = (name) => {
    if (!teams.has(name)) teams.set(name, new Team(name));
    return teams.get(name);
  };
  for (const { home, away, score } of games) {
    team(home).add(score[0], score[1]);
    team(away).add(score[1], score[0]);
  }
  return teams;
}

/** Return [place, team] pairs, the best first. Teams that are level share a place. */
function table(games) {
  const teams = [...collect(games).values()];
  teams.sort((a, b) => compare(a, b) || a.name.localeCompare(b.name));
  let place = 0;
  return teams.map((team, position) => {
    const above = teams[position - 1];
    if (above === undefined || compare(above, team) !== 0) place += 1;
    return [place, team];
  });
}

module.exports = { collect, compare, table };
