export const DEFAULT_HANDICAP = 36;

/** A card is {player, strokes}: the strokes of each hole, null where the hole was given up. */
export function grossScore(card, par) {
  return card.strokes.reduce((sum, strokes, hole) => sum + (strokes ?? par[hole] + 3), 0);
}

/** The strokes of a round, less the handicap of the player. */
export function netScore(card, par, handicaps) {
  const handicap = handicaps[card.player] ?? DEFAULT_HANDICAP;
  return grossScore(card, par) - handicap;
}

/** The cards with the lowest net score, best first. */
export function leaders(cards, par, handicaps, count = 3) {
  const net = (card) => netScore(card, par, handicaps);
  return [...cards].sort((a, b) => net(a) - net(b)).slice(0, count);
}
