"use strict";

const { contrastText, lighten, mix } = require("./colours.js");

/** Return a fan of a colour: the colour itself and ever lighter steps of it. */
function fan(colour, steps = 4) {
  return Array.from({ length: steps }, (_, step) => lighten(colour, step / steps));
}

/** Return the cards of a fan, each with a text that can be read on it. */
function cards(name, colour, steps) {
  return fan(colour, steps).map((background, index) => ({
    label: index === 0 ? name : `${name} ${index}`,
    background,
    text: contrastText(background),
  }));
}

/** Return the colours from one to another, both of them included. */
function gradient(from, to, count) {
  return Array.from({ length: count }, (_, index) => mix(from, to, 1 - index / (count - 1)));
}

module.exports = { cards, fan, gradient };
