/* Record which workspace lines each test of node's runner executes; preloaded with --require.
 *
 * Environment: HOTLOOP_TRACE_ROOT is the workspace, HOTLOOP_TRACE_OUT the file that gets one line
 * of JSON per test. Lines are counted by V8's own coverage, test by test. Whatever goes wrong
 * here ends the recording and nothing else: the tests must run as they do without it.
 */
'use strict';

/** Milliseconds of a test file's process that recording may take before it ends. */
const MOST_MS = 300;

const { HOTLOOP_TRACE_ROOT: root, HOTLOOP_TRACE_OUT: out, HOTLOOP_NODE_OPTIONS: options } =
  process.env;

// `node --test` passes its environment on to a process per test file: only that one records,
// and what it starts in turn must find the environment as it would be without us.
// Where the user counts coverage, we would take theirs away.
if (root && out && process.env.NODE_TEST_CONTEXT) {
  restoreEnvironment();
  if (!process.env.NODE_V8_COVERAGE) quietly(record)();
}

function restoreEnvironment() {
  for (const name of ['HOTLOOP_TRACE_ROOT', 'HOTLOOP_TRACE_OUT', 'HOTLOOP_NODE_OPTIONS']) {
    delete process.env[name];
  }
  delete process.env.NODE_OPTIONS;
  if (options) process.env.NODE_OPTIONS = options;
}

function quietly(call) {
  return (...args) => {
    try {
      call(...args);
    } catch {
      // no trace then
    }
  };
}

function record() {
  const fs = require('node:fs');
  const path = require('node:path');
  const { Session } = require('node:inspector');
  const { pathToFileURL } = require('node:url');

  const write = fs.appendFileSync; // a test may mock it
  const read = fs.readFileSync;
  const exists = fs.existsSync;
  const now = performance.now.bind(performance);
  const main = fs.realpathSync(process.argv[1]);
  const base = fs.realpathSync(root) + path.sep;
  const baseUrl = pathToFileURL(base).href;
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });

  const files = new Map();
  const open = new Map();
  let spent = 0;

  /** Return a script's path, and where its lines begin and end without white space. */
  function fileOf(url) {
    if (!files.has(url)) files.set(url, opened(url));
    return files.get(url);
  }

  function opened(url) {
    const file = url.startsWith(baseUrl)
      ? base + decodeURIComponent(url.slice(baseUrl.length).replace(/[?#].*/, ''))
      : url;
    if (!file.startsWith(base) || file === main || file.includes('/node_modules/')) return null;
    if (!exists(file)) return null;
    let at = 0;
    const lines = read(file, 'utf8').split('\n').map((line) => {
      const start = at + line.length - line.trimStart().length;
      const end = Math.max(start, at + line.trimEnd().length);
      at += line.length + 1;
      return { start, end, isCode: /\w/.test(line) && !/^\s*(\/\/|\/?\*)/.test(line) };
    });
    return { path: file.slice(base.length), lines };
  }

  /** Return the lines executed since the last call, by path. */
  function executed() {
    const hits = new Map();
    session.post('Profiler.takePreciseCoverage', (error, answer) => {
      for (const script of error ? [] : answer.result) {
        const file = fileOf(script.url);
        const lines = file && executedLines(file.lines, script.functions);
        if (lines && lines.size) hits.set(file.path, lines);
      }
    });
    return hits;
  }

  function end(key) {
    mark();
    const test = open.get(key);
    if (!test) return;
    open.delete(key);
    const lines = {};
    for (const [name, numbers] of test.lines) lines[name] = [...numbers].sort((a, b) => a - b);
    const id = `${main.slice(base.length)}${test.name && '::'}${test.name}`;
    write(out, `${JSON.stringify({ tests: [{ id, outcome: 'passed', lines }] })}\n`);
  }

  /** Count what was executed since the last mark for all tests that are open. */
  function mark() {
    if (spent > MOST_MS) return;
    const start = now();
    const hits = executed();
    for (const { lines } of open.values()) {
      for (const [name, numbers] of hits) {
        lines.set(name, new Set([...(lines.get(name) ?? []), ...numbers]));
      }
    }
    spent += now() - start;
    if (spent > MOST_MS) giveUp();
  }

  /** End the recording; what was recorded so far is kept, but for tests that still run. */
  function giveUp() {
    session.post('Profiler.stopPreciseCoverage');
    open.clear();
    write(out, '{"tests": [], "truncated": true}\n');
  }

  function begin(key, name) {
    mark();
    if (spent > MOST_MS) return;
    open.set(key, { name, lines: new Map() });
  }

  process.once('exit', quietly(() => [...open.keys()].forEach(end)));
  if (!/\bnode:test\b/.test(read(main, 'utf8'))) {
    // A plain script: asking for hooks would start the runner in it.
    begin(main, '');
    return;
  }
  const { beforeEach, afterEach } = require('node:test');
  beforeEach(quietly((test) => begin(nameOf(test), nameOf(test))));
  afterEach(quietly((test) => end(nameOf(test))));
}

/** Return a test's name behind those of its suites, as the runner's report has it. */
function nameOf(test) {
  return test.fullName ?? test.name;
}

/** Return the numbers of the lines that V8 counted, from 1. */
function executedLines(lines, functions) {
  const hit = new Set();
  for (const { ranges } of functions) {
    for (const range of ranges) {
      for (let at = lineAt(lines, range.startOffset); at < lines.length; at += 1) {
        const { start, end, isCode } = lines[at];
        if (start >= range.endOffset) break;
        const isWithin = range.startOffset <= start && end <= range.endOffset;
        if (range.count && isCode) hit.add(at + 1);
        else if (isWithin) hit.delete(at + 1);
      }
    }
  }
  return hit;
}

/** Return the index of the line around an offset. */
function lineAt(lines, offset) {
  let low = 0;
  let high = lines.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (lines[middle].start <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
