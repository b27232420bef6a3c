import { percentages } from "./shares.js";

const WIDTH = 20;

/** Return a poll as text: its question, and a bar for each answer. */
export function bars(poll) {
  const longest = Math.max(...poll.answers.map((answer) => answer.length));
  const shares = percentages(poll.counts());
  const lines = poll.answers.map((answer, index) => {
    const bar = "#".repeat(Math.round((WIDTH * shares[index]) / 100));
    return `${answer.padEnd(longest)} ${String(shares[index]).padStart(3)} % ${bar}`.trimEnd();
  });
  return [poll.question, ...lines].join("\n");
}
