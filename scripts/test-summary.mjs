#!/usr/bin/env node
// Summarises a run of scripts/test. Usage: test-summary.mjs JOURNAL FAILURES
// JOURNAL is the output of test-journal.mjs; if it is missing, no test ran.
// FAILURES has the name of each failed step, one per line.
import { existsSync, readFileSync } from 'node:fs';

const [, , journalPath, failuresPath] = process.argv;
const steps = readFileSync(failuresPath, 'utf8').split('\n').filter(Boolean);

const tests = new Map(); // by id: the last result of each
const running = new Set(); // files
const files = [];
let filesToRun = 0;
for (const line of existsSync(journalPath) ? readFileSync(journalPath, 'utf8').split('\n') : []) {
  const { event, ...record } = parsed(line);
  if (event === 'run') filesToRun = record.files;
  else if (event === 'begin') running.add(record.name);
  else if (event === 'end') tests.set(record.id, record);
  else if (event === 'file') {
    running.delete(record.name);
    files.push(record);
  }
}

const names = { passed: [], failed: [], skipped: [] };
for (const { name, file, state } of tests.values()) {
  names[state === 'passed' || state === 'failed' ? state : 'skipped'].push(`${file}: ${name}`);
}
const failedFiles = new Set(
  [...tests.values()].filter(({ state }) => state === 'failed').map(({ file }) => file),
);
// A file that did not load, or whose hooks failed, fails without a failed test.
for (const { name, failed, message } of files) {
  if (failed && !failedFiles.has(name)) names.failed.push(`${name}: ${message}`);
}
// The run was killed. If a file's thread was busy to the end, its tests are unknown.
for (const name of running) names.failed.push(`${name}: did not run to its end`);
if (filesToRun > files.length)
  console.log(`${filesToRun - files.length} of ${filesToRun} test files did not run to their end`);
// The step `tests` fails whenever a test does: counted on its own only when no test says why (an unhandled error).
names.failed.push(...steps.filter((step) => step !== 'tests' || names.failed.length === 0));
if (names.passed.length + names.failed.length === 0) names.failed.push('no test ran');

for (const name of names.skipped) console.log(`skipped: ${name}`);
for (const name of names.failed) console.log(`failed: ${name}`);
console.log(`${names.passed.length} passed, ${names.failed.length} failed, ${names.skipped.length} skipped`);
process.exitCode = names.failed.length === 0 ? 0 : 1;

/** The last line of a killed run may be truncated. */
function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}
