import { grossScore, leaders, netScore } from "./score.js";

/** How a score stands to par: "-2", "even" or "+5". */
export function toPar(score, par) {
  const difference = score - par.reduce((sum, strokes) => sum + strokes, 0);
  if (difference === 0) return "even";
  return difference > 0 ? `+${difference}` : String(difference);
}

/** The lines of the board in the club house. */
export function boardLines(cards, par, handicaps) {
  return leaders(cards, par, handicaps).map((card) => {
    const net = netScore(card, par, handicaps);
    return `${card.player} ${net} (${toPar(grossScore(card, par), par)})`;
  });
}
