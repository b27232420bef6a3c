import assert from "node:assert/strict";
import { test } from "node:test";
import { boardLines, toPar } from "../src/board.js";
import { grossScore, leaders, netScore } from "../src/score.js";

const PAR = [4, 3, 5];
const HANDICAPS = { ada: 2, bo: 0, cy: 40 };
const CARDS = [
  { player: "ada", strokes: [4, 4, 5] },
  { player: "bo", strokes: [4, 2, 5] },
  { player: "cy", strokes: [9, null, 9] },
];
const names = (count) => leaders(CARDS, PAR, HANDICAPS, count).map((card) => card.player);

test("gross score", () => {
  assert.equal(grossScore(CARDS[0], PAR), 13);
});

test("holes that were given up", () => {
  assert.equal(grossScore(CARDS[2], PAR), 24);
});

test("net score", () => {
  assert.equal(netScore(CARDS[0], PAR, HANDICAPS), 11);
});

test("no handicap yet", () => {
  assert.equal(netScore({ player: "new", strokes: [6, 6, 9] }, PAR, HANDICAPS), -15);
});

test("handicap of zero", () => {
  assert.equal(netScore(CARDS[1], PAR, HANDICAPS), 11);
});

test("leaders", () => {
  assert.deepEqual(names(1), ["cy"]);
});

test("board", () => {
  assert.equal(toPar(12, PAR), "even");
  assert.deepEqual(boardLines(CARDS, PAR, HANDICAPS).slice(1), ["ada 11 (+1)", "bo 11 (-1)"]);
});
