const TIMING = /^(\d+):(\d\d):(\d\d),(\d{3}) --> (\d+):(\d\d):(\d\d),(\d{3})$/;

function toMs([hours, minutes, seconds, ms]) {
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + Number(ms);
}

/** Read a caption file: blocks of a number, a timing and lines of text. */
export function readCaptions(source) {
  const blocks = source.replace(/\r/g, "").trim().split(/\n{2,}/);
  return blocks.map((block) => {
    const [number, timing, ...lines] = block.split("\n");
    const match = TIMING.exec(timing ?? "");
    if (match === null) throw new SyntaxError(`caption ${number} has no timing`);
    return { from: toMs(match.slice(1, 5)), to: toMs(match.slice(5)), text: lines.join("\n") };
  });
}

/** Move captions by some milliseconds; those that would end before the film begins are dropped. */
export function shift(captions, ms) {
  return captions
    .map((caption) => ({ ...caption, from: Math.max(0, caption.from + ms), to: caption.to + ms }))
    .filter((caption) => caption.to > 0);
}
