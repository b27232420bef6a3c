import assert from "node:assert/strict";
import { test } from "node:test";
import { isNumber, matches, maxLength } from "../src/rules.js";
import { validate } from "../src/validate.js";

const SCHEMA = {
  name: { required: true, rules: [maxLength(8)] },
  age: { rules: [isNumber] },
  zip: { rules: [matches(/^\d{5}$/, "five digits")] },
};

test("a good form", () => {
  assert.deepEqual(validate({ name: "Kim", age: 41, zip: "50667" }, SCHEMA), {});
});

test("first failing rule", () => {
  const errors = validate({ name: "Maximiliane", age: "x", zip: "123" }, SCHEMA);
  assert.deepEqual(errors, {
    name: "at most 8 characters",
    age: "must be a number",
    zip: "five digits",
  });
});

test("blank required field", () => {
  assert.deepEqual(validate({ name: "  ", age: "", zip: "" }, SCHEMA), { name: "is required" });
});

test("missing optional fields", () => {
  assert.deepEqual(validate({ name: "Kim" }, SCHEMA), {});
});

test("null counts as missing", () => {
  assert.deepEqual(validate({ name: null, age: null, zip: "50667" }, SCHEMA), { name: "is required" });
});
