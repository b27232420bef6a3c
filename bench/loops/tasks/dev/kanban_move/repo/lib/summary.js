"use strict";

/** Return the names of the columns that hold more cards than they should. */
function overLimit(board) {
  return board.columns
    .filter(({ limit, cards }) => limit !== null && cards.length > limit)
    .map((column) => column.name);
}

/** Return one line per column, such as "doing (2/3): Paint, Sand". */
function summary(board) {
  return board.columns.map(({ name, limit, cards }) => {
    const count = limit === null ? `${cards.length}` : `${cards.length}/${limit}`;
    const titles = cards.map((card) => card.title).join(", ") || "-";
    return `${name} (${count}): ${titles}`;
  });
}

module.exports = { overLimit, summary };
