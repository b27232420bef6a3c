/** Return a time in hundredths of a second: "1:02.35" is 6235; "NT" is no time. */
export function toHundredths(text) {
  if (text === "NT") return Infinity;
  const match = /^(?:(\d+):)?(\d{1,2})\.(\d{2})$/.exec(text);
  if (!match) throw new SyntaxError(`not a time: ${text}`);
  const [, minutes = "0", seconds, rest] = match;
  return (Number(minutes) * 60 + Number(seconds)) * 100 + Number(rest);
}

export function byTime(a, b) {
  if (a.time === b.time) return a.name.localeCompare(b.name);
  return a.time < b.time ? -1 : 1;
}
