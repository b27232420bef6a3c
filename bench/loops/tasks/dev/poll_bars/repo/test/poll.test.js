import assert from "node:assert/strict";
import { test } from "node:test";
import { bars } from "../src/bars.js";
import { Poll } from "../src/poll.js";
import { percentages } from "../src/shares.js";

function lunch(...votes) {
  const poll = new Poll("Lunch?", ["soup", "dumplings", "rice"]);
  votes.forEach((answer, person) => poll.vote(person, answer));
  return poll;
}

test("counts in the order of the answers", () => {
  assert.deepEqual(lunch("rice", "soup", "rice").counts(), [1, 0, 2]);
});

test("a second vote replaces the first one", () => {
  const poll = lunch("rice");
  poll.vote(0, "soup");
  assert.deepEqual(poll.counts(), [1, 0, 0]);
});

test("unknown answers and too few of them", () => {
  assert.throws(() => lunch("cake"), RangeError);
  assert.throws(() => new Poll("Well?", ["yes"]), RangeError);
});

test("percentages add up to 100", () => {
  assert.deepEqual(percentages([1, 1, 1]), [34, 33, 33]);
  assert.deepEqual(percentages([2, 1, 4]), [29, 14, 57]);
});

test("all votes for one answer", () => {
  assert.deepEqual(percentages([0, 5]), [0, 100]);
});

test("no votes at all", () => {
  assert.deepEqual(percentages([0, 0, 0]), [0, 0, 0]);
});

test("bars", () => {
  assert.equal(
    bars(lunch("soup", "rice", "rice", "rice")),
    "Lunch?\nsoup       25 % #####\ndumplings   0 %\nrice       75 % ###############",
  );
});

test("bars without a vote", () => {
  const poll = lunch("soup");
  assert.ok(poll.withdraw(0));
  assert.equal(bars(poll), "Lunch?\nsoup        0 %\ndumplings   0 %\nrice        0 %");
});
