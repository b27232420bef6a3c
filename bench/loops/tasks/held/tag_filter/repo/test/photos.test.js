import assert from "node:assert/strict";
import { test } from "node:test";
import { filterPhotos, parseQuery } from "../src/filter.js";
import { resultLine, tagCounts } from "../src/tags.js";

const PHOTOS = [
  { name: "a", tags: ["beach", "Sun"] },
  { name: "b", tags: ["beach", "rain"] },
  { name: "c", tags: ["city", "sun"] },
];
const names = (query) => filterPhotos(PHOTOS, query).map((photo) => photo.name);

test("query", () => {
  assert.deepEqual(parseQuery(" Beach  -Rain "), { wanted: ["beach"], unwanted: ["rain"] });
});

test("empty query", () => {
  assert.deepEqual(names("  "), ["a", "b", "c"]);
});

test("one tag", () => {
  assert.deepEqual(names("sun"), ["a", "c"]);
});

test("several tags", () => {
  assert.deepEqual(names("beach sun"), ["a"]);
});

test("unwanted tag", () => {
  assert.deepEqual(names("beach -rain"), ["a"]);
});

test("only an unwanted tag", () => {
  assert.deepEqual(names("-rain"), ["a", "c"]);
});

test("counts", () => {
  assert.deepEqual(tagCounts(PHOTOS)[0], ["beach", 2]);
  assert.equal(resultLine(PHOTOS, "city"), "1 photo");
});
