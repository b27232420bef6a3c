/** A query such as "beach sun -rain" becomes {wanted, unwanted}. */
export function parseQuery(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return {
    wanted: words.filter((word) => !word.startsWith("-")),
    unwanted: words.filter((word) => word.startsWith("-")).map((word) => word.slice(1)),
  };
}

export function matchesTags(photo, { wanted, unwanted }) {
  const tags = new Set(photo.tags.map((tag) => tag.toLowerCase()));
  return wanted.every((tag) => tags.has(tag)) && !unwanted.some((tag) => tags.has(tag));
}

/** The photos that match a query; an empty query matches all of them. */
export function filterPhotos(photos, query) {
  const parsed = parseQuery(query);
  if (parsed.wanted.length === 0 && parsed.unwanted.length === 0) return [...photos];
  return photos.filter((photo) => matchesTags(photo, parsed));
}
