"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { crumbs, render, shorten } = require("./crumbs.js");

test("home", () => {
  assert.deepEqual(crumbs("/"), [{ label: "Home", href: "/" }]);
});

test("labels", () => {
  assert.equal(render(crumbs("/shop/rain-coats/")), "Home > Shop > Rain coats");
});

test("links", () => {
  const hrefs = crumbs("/shop/shoes/red?size=40").map((crumb) => crumb.href);
  assert.deepEqual(hrefs, ["/", "/shop", "/shop/shoes", "/shop/shoes/red"]);
});

test("one level", () => {
  assert.equal(crumbs("/about")[1].href, "/about");
});

test("short trails stay", () => {
  assert.equal(shorten(crumbs("/a/b"), 3).length, 3);
});

test("long trails are shortened", () => {
  assert.equal(render(shorten(crumbs("/a/b/c/d"), 4)), "Home > … > C > D");
});
