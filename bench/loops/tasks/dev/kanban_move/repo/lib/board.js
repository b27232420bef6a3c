"use strict";

/**
 * A board is { columns: [{ name, limit, cards: [{ id, title }] }] }; no limit: null.
 * Boards are never changed, every function returns a new one.
 */

function createBoard(...columns) {
  return {
    columns: columns.map((column) => {
      const { name, limit = null } = typeof column === "string" ? { name: column } : column;
      return { name, limit, cards: [] };
    }),
  };
}

function findColumn(board, name) {
  const column = board.columns.find((candidate) => candidate.name === name);
  if (!column) throw new RangeError(`no column ${name}`);
  return column;
}

/** Return { column, card } of an id. */
function findCard(board, id) {
  for (const column of board.columns) {
    const card = column.cards.find((candidate) => candidate.id === id);
    if (card) return { column, card };
  }
  throw new RangeError(`no card ${id}`);
}

function withCards(board, name, cards) {
  return {
    ...board,
    columns: board.columns.map((column) => (column.name === name ? { ...column, cards } : column)),
  };
}

/** Return a board with a new card at the end of a column. */
function addCard(board, columnName, card) {
  const column = findColumn(board, columnName);
  return withCards(board, columnName, [...column.cards, card]);
}

/** Return a board without a card. */
function removeCard(board, id) {
  const { column } = findCard(board, id);
  return withCards(
    board,
    column.name,
    column.cards.filter((card) => card.id !== id),
  );
}

module.exports = { createBoard, findColumn, findCard, addCard, removeCard };
