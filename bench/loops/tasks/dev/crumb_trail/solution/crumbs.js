"use strict";

const HOME = { label: "Home", href: "/" };

function label(segment) {
  const words = decodeURIComponent(segment).split("-").join(" ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Return the crumbs of a path, the home page first. */
function crumbs(path) {
  const segments = path.split("?")[0].split("/").filter((segment) => segment !== "");
  const trail = segments.map((segment, index) => ({
    label: label(segment),
    href: "/" + segments.slice(0, index + 1).join("/"),
  }));
  return [HOME, ...trail];
}

/** Shorten a trail to at most `max` crumbs: the first one, an ellipsis, and the last ones. */
function shorten(trail, max) {
  if (trail.length <= max) return trail;
  const tail = trail.slice(trail.length - (max - 2));
  return [trail[0], { label: "…", href: null }, ...tail];
}

function render(trail) {
  return trail.map((crumb) => crumb.label).join(" > ");
}

module.exports = { crumbs, shorten, render };
