#!/usr/bin/env node
// Builds dist:
//   1. AssemblyScript -> wasm -> src/codec/*/*-wasm.ts, when its sources changed
//   2. tsc -> dist/<folder>/*.js
//   3. rolldown -> dist/bin, the programs as users run them, with the packages that they use. A
//      hundred small modules take three times as long to load (measured), and a mount starts two
//      processes and a thread.
//   4. src/web -> dist/web, the explorer as browsers load it
//   5. the licences of those packages -> dist/THIRD-PARTY.txt
//   6. the table of commands -> dist/man/*.1
// and fails when src/cli/COMMANDS.md is not what the commands say by now.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './build/bundle.mjs';
import { manPages } from './build/man-pages.mjs';
import { built, ROOT } from './build/paths.mjs';
import { thirdPartyText } from './build/third-party.mjs';
import { bundleWeb } from './build/web.mjs';
import { buildCodecWasm } from './codec-wasm.mjs';

const run = (command, args) =>
  execFileSync(command, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });

/** The day of the build, or SOURCE_DATE_EPOCH, so that a build can be repeated. */
async function writeManPages() {
  const { COMMANDS } = await import('../dist/cli/command-table.js');
  const { EXIT_STATUS, describeStatuses } = await import('../dist/cli/process/exit-status.js');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const { SOURCE_DATE_EPOCH } = process.env;
  const day = SOURCE_DATE_EPOCH === undefined ? new Date() : new Date(SOURCE_DATE_EPOCH * 1000);
  const date = day.toISOString().slice(0, 10);
  const pages = manPages({
    commands: COMMANDS,
    describeStatuses,
    codes: Object.keys(EXIT_STATUS),
    version,
    date,
  });
  mkdirSync(built('man'));
  for (const [name, text] of pages) writeFileSync(built(`man/${name}`), text);
}

function checkReference() {
  try {
    run(process.execPath, [join(ROOT, 'scripts/command-reference.mjs'), '--check']);
  } catch {
    process.exitCode = 1; // it has said why
  }
}

buildCodecWasm();
rmSync(built(''), { recursive: true, force: true });
run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.json']);
const modules = await bundle();
for (const id of await bundleWeb()) modules.add(id);
writeFileSync(built('THIRD-PARTY.txt'), thirdPartyText([...modules]));
await writeManPages();
checkReference();
