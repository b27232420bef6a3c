import assert from "node:assert/strict";
import { test } from "node:test";
import { drawHeats, startList } from "../src/heats.js";
import { middleOut, readPool } from "../src/pool.js";
import { toHundredths } from "../src/times.js";

const ENTRIES = [
  { name: "Ida", time: "33.10" },
  { name: "Bo", time: "NT" },
  { name: "Lea", time: "31.72" },
  { name: "Tom", time: "1:02.35" },
  { name: "Kim", time: "31.72" },
];

test("lanes from the middle", () => {
  assert.deepEqual(middleOut(6), [3, 4, 2, 5, 1, 6]);
  assert.deepEqual(middleOut(1), [1]);
});

test("times", () => {
  assert.equal(toHundredths("1:02.35"), 6235);
  assert.throws(() => toHundredths("fast"), SyntaxError);
});

test("pool without a lane order", () => {
  const pool = { name: "Westbad", lanes: 4, order: [2, 3, 1, 4] };
  assert.deepEqual(readPool("Westbad; 4"), pool);
  assert.throws(() => readPool("Dry;0"), /Dry has no lanes/);
});

test("the fastest heat is the last", () => {
  const heats = drawHeats(ENTRIES, readPool("Westbad;4"));
  assert.deepEqual(heats, [
    [null, "Bo", null, null],
    ["Ida", "Kim", "Lea", "Tom"],
  ]);
});

test("closed lanes stay free", () => {
  const [heat] = drawHeats(ENTRIES.slice(0, 4), readPool("Westbad;6;3,4,2,5"));
  assert.deepEqual(heat, [null, "Tom", "Lea", "Ida", "Bo", null]);
});

test("more swimmers than open lanes", () => {
  const heats = drawHeats(ENTRIES, readPool("Westbad;6; 3, 4"));
  assert.equal(heats.length, 3);
  assert.deepEqual(startList(heats.at(-1)), ["Lane 3: Kim", "Lane 4: Lea"]);
});

test("no entries", () => {
  assert.deepEqual(drawHeats([], readPool("Westbad;4")), []);
});
