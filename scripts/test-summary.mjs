#!/usr/bin/env node
// Sums up a run of scripts/test. Usage: test-summary.mjs RESULTS FAILURES
// RESULTS is what vitest's JSON reporter wrote (missing: no test ran), FAILURES has the name of each step that failed, one a line.
import { existsSync, readFileSync } from 'node:fs';

const [, , resultsPath, failuresPath] = process.argv;
const run = existsSync(resultsPath) ? JSON.parse(readFileSync(resultsPath, 'utf8')) : undefined;
const steps = readFileSync(failuresPath, 'utf8').split('\n').filter(Boolean);

const names = { passed: [], failed: [], skipped: [] };
for (const file of run?.testResults ?? []) {
  for (const test of file.assertionResults) {
    const outcome = test.status === 'passed' || test.status === 'failed' ? test.status : 'skipped';
    names[outcome].push(test.fullName);
  }
  // A file that could not be loaded, or whose hooks failed, fails without a failed test in it.
  if (file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')) {
    names.failed.push(`${file.name}: ${file.message.split('\n')[0]}`);
  }
}
// The step `tests` fails whenever a test does: counted on its own only when no test says why (an unhandled error).
names.failed.push(...steps.filter((step) => step !== 'tests' || names.failed.length === 0));
if (names.passed.length + names.failed.length === 0) names.failed.push('no test ran');

for (const name of names.skipped) console.log(`skipped: ${name}`);
for (const name of names.failed) console.log(`failed: ${name}`);
console.log(`${names.passed.length} passed, ${names.failed.length} failed, ${names.skipped.length} skipped`);
process.exitCode = names.failed.length === 0 ? 0 : 1;
