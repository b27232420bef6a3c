import { readCaptions } from "./captions.js";

const SOUND = /^\[.*\]$/s;
const SENTENCE_END = /[.!?…]["”]?$/;

function plain(text) {
  return text.replace(/<[^>]*>/g, "").replaceAll("\n", " ").trim();
}

function clock(ms) {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/**
 * Join captions to sentences: a caption goes on where the one before did not end its sentence.
 * Sounds such as "[door slams]" are left out.
 */
export function sentences(captions) {
  const result = [];
  let open = null;
  for (const { from, text } of captions) {
    const words = plain(text);
    if (words === "" || SOUND.test(words)) continue;
    if (open === null) {
      open = { from, words };
      result.push(open);
    } else {
      open.words += " " + words;
    }
    if (SENTENCE_END.test(words)) open = null;
  }
  return result;
}

/** Return the script of a caption file, one line per sentence with the time it begins. */
export function toScript(source) {
  return sentences(readCaptions(source))
    .map(({ from, words }) => `${clock(from)} ${words}`)
    .join("\n");
}
