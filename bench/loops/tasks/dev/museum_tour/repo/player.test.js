"use strict";

const assert = require("node:assert/strict");
const { beforeEach, describe, it } = require("node:test");
const { Player } = require("./player.js");
const { Tour } = require("./tour.js");

const STOPS = [
  { room: "A1", text: "Clay jars", seconds: 80 },
  { room: "A2", text: "The loom", seconds: 140 },
  { room: "B1", text: "A miller's house", seconds: 95 },
  { room: "B2", text: "Bells", seconds: 60 },
];

describe("player", () => {
  let tour;
  let player;

  beforeEach(() => {
    tour = new Tour("Work and days", STOPS);
    player = new Player(tour);
  });

  const press = (...buttons) => buttons.map((button) => player.press(button)).at(-1);

  it("shows the title first", () => {
    assert.equal(player.screen, "Work and days");
  });

  it("goes from stop to stop", () => {
    assert.equal(press("next"), "A1: Clay jars");
    assert.equal(press("next", "next"), "B1: A miller's house");
    assert.equal(press("back"), "A2: The loom");
  });

  it("passes over closed rooms in both directions", () => {
    tour.close("A2", "B1");
    assert.equal(press("next", "next"), "B2: Bells");
    assert.equal(press("back"), "A1: Clay jars");
  });

  it("stays at the first stop", () => {
    assert.equal(press("next", "back"), "A1: Clay jars");
  });

  it("ends after the last stop", () => {
    assert.equal(press("next", "next", "next", "next"), "B2: Bells");
    assert.equal(press("next"), "Thank you for your visit");
    assert.equal(press("next"), "Thank you for your visit");
    assert.equal(press("back"), "B2: Bells");
  });

  it("ends after the last open stop", () => {
    tour.close("B1", "B2");
    assert.equal(press("next", "next"), "A2: The loom");
    assert.equal(press("next"), "Thank you for your visit");
    assert.ok(tour.finished);
    assert.equal(press("back"), "A2: The loom");
  });

  it("ends at once when everything is closed", () => {
    tour.close("A1", "A2", "B1", "B2");
    assert.equal(press("next"), "Thank you for your visit");
  });

  it("tells how long it takes", () => {
    tour.close("A2");
    assert.equal(press("info"), "6 min to go");
    assert.equal(press("next", "info"), "4 min to go");
  });

  it("knows its buttons", () => {
    assert.throws(() => press("louder"), /no button louder/);
  });
});
