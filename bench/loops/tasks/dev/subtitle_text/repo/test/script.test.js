import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readCaptions, shift } from "../src/captions.js";
import { sentences, toScript } from "../src/script.js";

const FILM = `1
00:00:04,500 --> 00:00:06,000
<i>I knew it.</i>

2
00:00:06,200 --> 00:00:07,000
[a door
slams]

3
00:01:07,100 --> 00:01:09,000
The <b>lighthouse</b>
is older

4
00:01:09,000 --> 00:01:11,250
than the <b>village</b>!
`;

const say = (text, from = 0) => ({ from, to: from + 900, text });

describe("captions", () => {
  it("are read with their times", () => {
    const captions = readCaptions(FILM.replaceAll("\n", "\r\n"));
    assert.equal(captions.length, 4);
    assert.deepEqual(captions[0], { from: 4500, to: 6000, text: "<i>I knew it.</i>" });
    assert.equal(captions[2].from, 67100);
  });

  it("need a timing", () => {
    assert.throws(() => readCaptions("1\nHello"), /caption 1/);
  });

  it("are moved, and dropped before the beginning", () => {
    const moved = shift(readCaptions(FILM), -6500);
    assert.deepEqual(moved.map(({ from, to }) => [from, to]), [
      [0, 500],
      [60600, 62500],
      [62500, 64750],
    ]);
  });
});

describe("script", () => {
  it("joins sentences and leaves out sounds and markup", () => {
    assert.equal(
      toScript(FILM),
      "0:04 I knew it.\n1:07 The lighthouse is older than the village!",
    );
  });

  it("puts captions of many lines on one", () => {
    assert.equal(
      toScript("1\n00:00:01,000 --> 00:00:03,000\nNever\nopen that\ndoor."),
      "0:01 Never open that door.",
    );
  });

  it("ends a sentence whatever the number of lines", () => {
    const [first, second] = sentences([say("“Who\nis\nthere?”"), say("Nobody.", 1000)]);
    assert.equal(first.words, "“Who is there?”");
    assert.deepEqual(second, { from: 1000, words: "Nobody." });
  });

  it("leaves out captions without words", () => {
    assert.deepEqual(sentences([say("<i></i>")]), []);
  });
});
