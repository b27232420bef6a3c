import { filterPhotos } from "./filter.js";

/** Tags with the number of photos that carry them, the most frequent first, then by name. */
export function tagCounts(photos) {
  const counts = new Map();
  for (const photo of photos) {
    for (const tag of photo.tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  }
  return [...counts].sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
}

/** How many photos a query finds, as a text. */
export function resultLine(photos, query) {
  const { length } = filterPhotos(photos, query);
  return `${length} ${length === 1 ? "photo" : "photos"}`;
}
