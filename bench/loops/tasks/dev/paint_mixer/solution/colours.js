"use strict";

/** Return a colour of three numbers from 0 to 255 as text: '#ff8000'. */
function toHex(channels) {
  return "#" + channels.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("");
}

/** Return the three numbers of a hex colour. */
function parseHex(text) {
  const match = /^#?([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text.trim());
  if (match === null) throw new TypeError(`no colour: ${text}`);
  return match.slice(1).map((digits) => parseInt(digits, 16));
}

/** Mix two hex colours; `share` is that of the first one. */
function mix(one, other, share = 0.5) {
  const first = parseHex(one);
  const second = parseHex(other);
  return toHex(first.map((value, index) => value * share + second[index] * (1 - share)));
}

/** Bring a hex colour nearer to white by a share from 0 to 1. */
function lighten(colour, share) {
  const channels = parseHex(colour);
  return toHex(channels.map((value) => value + (255 - value) * share));
}

/** Return the colour, black or white, that can be read on a hex colour. */
function contrastText(colour) {
  const [red, green, blue] = parseHex(colour);
  return 0.299 * red + 0.587 * green + 0.114 * blue > 150 ? "#000000" : "#ffffff";
}

module.exports = { contrastText, lighten, mix, parseHex, toHex };
