import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { builtProgram } from '../setup/programs.js';
import { Workplace } from '../support/mounts.js';
import { pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { dir, file, tarOf } from '../support/tar.js';

/** Sources that only threads, other commands or a first mount need. */
const UNNEEDED = [
  /undici|src\/(registry|save|carve)\//,
  /src\/(codec\/zstd|tables\/soci)\//,
  /src\/(index\/pass\/index-pass|overlay\/merge\/.*)\.ts$/,
];

/**
 * What the processes of a second mount load. Each file takes a millisecond or more, and a second
 * mount takes as long as its processes need to start.
 */
interface Loaded {
  files: string[]; // of dist/bin
  builtins: string[]; // Node's modules
  afterFlag: string[]; // of them, after the process had changed one of V8's flags
}

/** Writes a process's `Loaded` when it ends. (Node, process.moduleLoadList is not documented) */
const REPORTER = `
  const v8 = require('node:v8');
  const { setFlagsFromString } = v8;
  let before;
  v8.setFlagsFromString = (flag) => {
    before ??= process.moduleLoadList.length;
    setFlagsFromString(flag);
  };
  // A daemon is started without what $NODE_OPTIONS preloads.
  const childProcess = require('node:child_process');
  const { spawn } = childProcess;
  childProcess.spawn = (command, words, options) =>
    spawn(command, command === process.execPath ? ['--require', __filename, ...words] : words, options);
  process.on('exit', () => {
    const builtins = [...process.moduleLoadList];
    const afterFlag = builtins.slice(before ?? builtins.length);
    const files = Object.keys(require.cache).filter((path) => path !== __filename);
    const path = require('node:path');
    const report = path.join(__dirname, path.basename(process.argv[1]) + '.json');
    require('node:fs').writeFileSync(report, JSON.stringify({ files, builtins, afterFlag }));
  });
`;

const place = new Workplace();
let registry: TestRegistry;
let starter: Loaded;
let daemon: Loaded;

beforeAll(async () => {
  registry = await startRegistry();
  await pushImage(registry, 'library/app:latest', {
    layers: [gzipSync(tarOf(dir('etc/'), file('etc/a', 'b')))],
  });
  const reference = `${registry.host}/library/app:latest`;
  await place.unmount(await place.mount(reference));
  const reporter = join(place.scratch, 'reporter.cjs');
  writeFileSync(reporter, REPORTER);
  const mountpoint = place.directory('mnt');
  const { status } = await place.layerslayer(['mount', reference, mountpoint], {
    env: { NODE_OPTIONS: `--require ${reporter}` },
  });
  expect(status).toBe(0);
  await place.unmount(mountpoint);
  await place.allEnded();
  const report = (program: string): Loaded =>
    JSON.parse(readFileSync(join(place.scratch, `${program}.json`), 'utf8'));
  starter = report('layerslayer.js');
  daemon = report('daemon-main.js');
});
afterAll(async () => {
  await place.cleanUp();
  await registry?.stop();
});

it('loads the chunks of mounting only', () => {
  const chunks = (files: readonly string[]) =>
    files.map((path) => basename(path).replace(/-[\w-]{8}\.js$/, '.js')).sort();
  expect(chunks(starter.files)).toEqual([
    'layerslayer-common.js',
    'layerslayer-parser.js',
    'layerslayer-resolve.js',
    'layerslayer-rolldown-runtime.js',
    'layerslayer-start.js',
    'layerslayer.js',
    'undici.js',
  ]);
  expect(chunks(daemon.files)).toEqual(['daemon-main-start.js', 'daemon-main.js']);
});

it('loads no code in the daemon that only other threads or a first mount need', () => {
  const sources = daemon.files.flatMap((path) => {
    const { sources } = JSON.parse(readFileSync(`${path}.map`, 'utf8')) as { sources: string[] };
    return sources.map((source) => resolve(dirname(builtProgram()), source));
  });
  expect(sources.some((path) => path.endsWith('/src/daemon/run-mount.ts'))).toBe(true);
  expect(sources.filter((path) => UNNEEDED.some((unneeded) => unneeded.test(path)))).toEqual([]);
});

it('loads no HTTP/2', () => {
  for (const { builtins } of [starter, daemon]) {
    expect(builtins).toContain('NativeModule net');
    expect(builtins.filter((name) => name.includes('http2'))).toEqual([]);
  }
});

it('loads all of Node’s modules before it changes V8’s flags', () => {
  expect(starter.afterFlag.filter((name) => name.startsWith('NativeModule'))).toEqual([]);
});
