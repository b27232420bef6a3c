"use strict";

const assert = require("node:assert/strict");
const { beforeEach, describe, it } = require("node:test");
const { addCard, createBoard, moveCard } = require("./lib/board.js");

describe("moveCard", () => {
  let board;

  beforeEach(() => {
    board = createBoard("todo", "done");
    for (const id of ["a", "b", "c"]) board = addCard(board, "todo", { id, title: id });
    board = addCard(board, "done", { id: "x", title: "x" });
  });

  const ids = ({ columns }) =>
    columns.map(({ cards }) => cards.map((card) => card.id).join("")).join("|");

  it("puts a card at the end of another column", () => {
    assert.equal(ids(moveCard(board, "b", "done")), "ac|xb");
  });

  it("puts a card at an index", () => {
    assert.equal(ids(moveCard(board, "b", "done", 0)), "ac|bx");
    assert.equal(ids(moveCard(board, "x", "todo", 2)), "abxc|");
  });

  it("moves within a column", () => {
    assert.equal(ids(moveCard(board, "c", "todo", 0)), "cab|x");
    assert.equal(ids(moveCard(board, "a", "todo", 1)), "bac|x");
    assert.equal(ids(moveCard(board, "a", "todo")), "bca|x");
  });

  it("keeps the card", () => {
    const moved = moveCard(board, "x", "todo", 0);
    assert.deepEqual(moved.columns[0].cards[0], { id: "x", title: "x" });
  });

  it("leaves the board as it is", () => {
    const before = structuredClone(board);
    moveCard(board, "a", "done", 0);
    assert.deepEqual(board, before);
  });

  it("knows its cards and columns", () => {
    assert.throws(() => moveCard(board, "q", "done"), /no card q/);
    assert.throws(() => moveCard(board, "a", "later"), /no column later/);
  });
});
