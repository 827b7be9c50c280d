#!/usr/bin/env node
// Measures what the project promises, each figure beside the one that it is compared to, in one
// run:
//
//     npm run bench [-- [--markdown] SECTION...]
//
// Sections that take long run only if they are named: slow-link-2gb.
//
// Needs root, /dev/fuse, buildah, docker-registry, zstd and GNU tools. A missed limit is shown in
// the table; it is no failure.
import { accessSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { catalog } from './bench/catalog.mjs';
import { diff } from './bench/diff.mjs';
import { exportTree } from './bench/export.mjs';
import { find } from './bench/find.mjs';
import { firstMount, wholeTree } from './bench/first-mount.mjs';
import { Images } from './bench/images/images.mjs';
import { memory } from './bench/memory.mjs';
import { MAIN } from './bench/mounts.mjs';
import { indexPass } from './bench/passes/index-pass.mjs';
import { indexSize } from './bench/passes/index-size.mjs';
import { zstd } from './bench/passes/zstd.mjs';
import { largeFiles } from './bench/reads/large-files.mjs';
import { randomReads } from './bench/reads/random-reads.mjs';
import { sequentialReads } from './bench/reads/sequential-reads.mjs';
import { slowLink, slowLinkLarge } from './bench/reads/slow-link.mjs';
import { Report } from './bench/report.mjs';
import { save } from './bench/save.mjs';
import { secondMount } from './bench/second-mount.mjs';
import { explorer } from './bench/serve/explorer.mjs';
import { serve } from './bench/serve/serve.mjs';
import { Workplace } from './bench/workplace.mjs';

const SECTIONS = {
  'index-pass': indexPass,
  'first-mount': firstMount,
  'second-mount': secondMount,
  'whole-tree': wholeTree,
  find,
  catalog,
  diff,
  'large-files': largeFiles,
  'random-reads': randomReads,
  'index-size': indexSize,
  export: exportTree,
  zstd,
  'sequential-reads': sequentialReads,
  save,
  'slow-link': slowLink,
  'slow-link-2gb': slowLinkLarge,
  memory,
  serve,
  explorer,
};

/** Sections that run only if they are named: they take long. */
const LONG = new Set(['slow-link-2gb']);
const USUAL = Object.keys(SECTIONS).filter((name) => !LONG.has(name));

/** Processes that want to run, on average over a minute: above, something else is at work. */
const QUIET_LOAD = 1;

const say = (text) => process.stderr.write(`${text}\n`);

async function main(words) {
  const isMarkdown = words.includes('--markdown');
  const wanted = words.filter((word) => word !== '--markdown');
  const unknown = wanted.filter((word) => !Object.hasOwn(SECTIONS, word));
  if (unknown.length > 0) {
    say(
      `no such section: ${unknown.join(', ')}; there are: ${Object.keys(SECTIONS).join(', ')}; and --markdown`,
    );
    return 2;
  }
  if (process.getuid?.() !== 0) throw new Error('needs root: it mounts, and drops the kernel caches');
  accessSync(MAIN); // not built: npm run build

  const load = loadavg()[0];
  say(`Node ${process.versions.node}, ${cpus().length} processors, load average ${load.toFixed(2)}`);
  if (load > QUIET_LOAD)
    say(`warning: the machine is busy (load above ${QUIET_LOAD}): the figures will be noisy`);

  const workplace = new Workplace();
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ]) {
    process.on(signal, () => void workplace.cleanUp().then(() => process.exit(status)));
  }
  const report = new Report();
  try {
    const bench = { workplace, images: new Images(workplace), report };
    for (const name of wanted.length > 0 ? wanted : USUAL) {
      say(name);
      await SECTIONS[name](bench);
    }
  } finally {
    await workplace.cleanUp();
  }
  process.stdout.write(`${isMarkdown ? report.toMarkdown() : report.toText()}\n`);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
