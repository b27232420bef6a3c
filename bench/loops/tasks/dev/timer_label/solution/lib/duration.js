const UNITS = [
  ["d", 86400],
  ["h", 3600],
  ["m", 60],
  ["s", 1],
];

/** Write seconds as the two largest units, such as "2h 5m"; zero units are left out. */
export function formatDuration(seconds) {
  if (seconds < 0) return "-" + formatDuration(-seconds);
  const parts = [];
  let rest = Math.round(seconds);
  for (const [name, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count}${name}`);
  }
  return parts.length > 0 ? parts.slice(0, 2).join(" ") : "0s";
}
