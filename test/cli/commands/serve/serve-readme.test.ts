/** The curl lines of README.md, run by bash as they are printed, against the built server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { faultOf, ROUTES, routeOf } from '../../../api/answer-check.js';
import { attempt, type Ended } from '../../../support/child.js';
import { Workplace } from '../../../support/mounts.js';
import { type PushedImage, pushImage, startRegistry, type TestRegistry } from '../../../support/registry.js';
import { dir, file, tarOf, whiteout } from '../../../support/tar.js';

const README = readFileSync(new URL('../../../../README.md', import.meta.url), 'utf8');
const CHAPTER = /^### In a browser\n(.*?)^##/ms.exec(README)![1]!;
const CODE = CHAPTER.split('\n')
  .filter((line) => line.startsWith('    '))
  .map((line) => line.trim());
const ASSIGNMENTS = CODE.filter((line) => /^[A-Z]=/.test(line));
const LINES = CODE.filter((line) => line.startsWith('curl '));

const PASSWD = 'root:x:0:0:root:/root:/bin/sh\n';
const BASE = [
  gzipSync(
    tarOf(
      dir('etc/'),
      file('etc/passwd', PASSWD),
      file('etc/old.pem', 'an old one'),
      file('a', 'a'.repeat(99)),
    ),
  ),
  gzipSync(tarOf(whiteout('etc/old.pem'), file('etc/new.pem', 'a new one'))),
];

let place: Workplace;
let registry: TestRegistry;
let image: PushedImage;
let server: ChildProcess;
let address = '';
beforeAll(async () => {
  place = new Workplace();
  registry = await startRegistry();
  const history = [{ created_by: 'ADD rootfs.tar /' }, { created_by: 'RUN renew' }];
  image = await pushImage(registry, 'nginx:alpine', { layers: BASE, config: { history } });
  await pushImage(registry, 'nginx:1.27', { layers: BASE });
  await pushImage(registry, 'nginx:1.28', {
    layers: [...BASE, gzipSync(tarOf(file('etc/passwd', 'other')))],
  });
  const [command = '', ...first] = place.program;
  const words = [...first, 'serve', '--port', '0', '--insecure'];
  server = spawn(command, words, { env: place.env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [printed] = (await once(server.stdout!, 'data')) as [Buffer];
  address = printed.toString().split('/#token=')[0]!;
});
afterAll(async () => {
  const ended = once(server, 'exit');
  server.kill();
  await ended;
  await registry.stop();
  await place.cleanUp();
});

/** Replaces what README.md has as examples: address, registry, and a layer's digest. */
function here(line: string): string {
  return line
    .replaceAll('http://127.0.0.1:8000', address)
    .replaceAll(/\b(image|other)=nginx/g, `$1=${registry.host}/nginx`)
    .replaceAll('/repositories/library/', `/repositories/${registry.host}/`)
    .replaceAll('sha256:…', image.manifest.layers[0]!.digest);
}

const directory = () => join(place.scratch, 'downloads');
const heads = () => join(place.scratch, 'heads');

/** Runs a line in an empty directory. curl fails for statuses from 400. */
function run(line: string): Promise<Ended> {
  rmSync(directory(), { recursive: true, force: true });
  rmSync(heads(), { force: true });
  mkdirSync(directory());
  const curl = `curl() { command curl -sS --fail-with-body -D '${heads()}' "$@"; }`;
  const script = ['set -o pipefail', curl, ...ASSIGNMENTS, line].map(here).join('\n');
  return attempt('bash', ['-c', script], { cwd: directory(), env: { ...place.env, no_proxy: '*' } });
}

/** The URL of a line, as curl asks for it. */
function pathOf(line: string): string {
  const url = here(/"(\$[AS][^"]*)"/.exec(line)![1]!);
  return new URL(url.replace('$A', `${address}/api/v1`).replace('$S', address)).pathname;
}

/** What each line says that it prints, by a part of the line. The last one that fits counts. */
const PRINTS: readonly [string, RegExp][] = [
  ['/image?', /"steps":\[.*"createdBy":"ADD rootfs.tar \/"/],
  [
    '/tree?',
    /"path":"\/etc\/old\.pem".*"path":"\/etc\/passwd"|"path":"\/etc\/passwd".*"path":"\/etc\/old\.pem"/,
  ],
  ['layer=2', /"path":"\/etc\/new\.pem".*"hiddenBy":2,.*"path":"\/etc\/old\.pem"/],
  ['x-ndjson', /^\{.*"path":"\/a".*\}\n(?:.*\n)*\{.*"path":"\/etc\/passwd"/],
  ['/stat?', /"versions":\[\{"layer":1,/],
  ['-r 0-99', new RegExp(`^${PASSWD}$`)],
  ['-I ', /^HTTP\/1\.1 200 OK\r\n(?:.*\r\n)*content-length: 30\r\n/i],
  ['| tar t', /^etc\/\netc\/passwd\netc\/new\.pem\n$/],
  ['/find?image', /"path":"\/etc\/new\.pem".*\n(?:.*\n)*\{"complete":true/],
  ['/find?pattern', /"path":"\/etc\/new\.pem".*\n(?:.*\n)*.*"complete":/],
  ['/du?', /"path":"\/etc","bytes":.*\n(?:.*\n)*\{"total":/],
  ['hidden=1', /"hiddenBy":2.*"bytes":10,.*"removedBy":"RUN renew"/],
  ['/diff?', /"path":"\/etc\/passwd"/],
  ['/tags?', /^\["1\.27","1\.28","alpine"\]$/],
  ['/referrers?', /^\[\]$/],
  ['/events?', /^:\n\nid: \d+\nevent: (?:.*\n)*.*indexed\ndata: \{.*\}\n\n$/],
  ['/mounts', /^\[\]$/],
  ['/images', /^\[.*nginx:alpine/],
  ['/ticket', /^\{"ticket":"\d+\.[\w-]{43}","expiresInSeconds":60\}$/],
  ['/healthz', /^\{"status":"ok"/],
  ['/metrics', /^layerslayer_requests_total\{/m],
  ['/openapi.json', /^\{"openapi":"3\.1\.0"/],
  ['/peek?', /ADD rootfs.tar(?:.*\n)*.*\/etc\/passwd/],
  ['/peek/status?', /"peeked":true/],
  ['/fslog?', / new\.pem +\[L1\]\n.* passwd +\[L0\]\n/],
  ['/fslog-search?', /\/etc\/passwd.*nginx:alpine/],
  ['/history?', /nginx/],
  ['/carve?', new RegExp(`^${PASSWD}$`)],
  ['/nginx/tags"', /^\["1\.27","1\.28","alpine"\]$/],
  ['/config"', /^\{.*"history":\[\{"created_by":"ADD rootfs\.tar/],
];

describe('README.md', () => {
  it('has a line for each route', () => {
    const printed = new Set(LINES.map((line) => routeOf(pathOf(line))?.path));
    const pages = ROUTES.filter(({ path }) => ['/', '/i/*', '/assets/{name}'].includes(path));
    for (const { path } of pages)
      expect(CHAPTER).toContain(`\`${path.replace('*', 'IMAGE').replace('{name}', '')}\``);
    const others = ROUTES.filter((route) => !pages.includes(route)).map(({ path }) => path);
    expect(others.filter((path) => !printed.has(path))).toEqual([]);
    expect(LINES.length).toBeGreaterThan(others.length);
  });

  it.each(LINES)('%s', async (line) => {
    const { status, stdout, stderr } = await run(line);
    expect([status, stderr], stdout).toEqual([0, '']);
    const [, code = '', head = ''] = /^HTTP\/1\.1 (\d+) .*?\r\n(.*)/s.exec(readFileSync(heads(), 'latin1'))!;
    const contentType = /^content-type: (.*)\r$/im.exec(head)?.[1] ?? '';
    const isRange = line.includes(' -r ');
    expect(Number(code)).toBe(isRange ? 206 : 200);
    const isBytes = / -[IOJr]+ |\| tar/.test(line);
    const answer = { path: pathOf(line), status: Number(code), contentType, body: isBytes ? '' : stdout };
    if (!isBytes || !contentType.includes('json')) expect(faultOf(answer)).toBe(undefined);
    if (line.includes('-OJ')) {
      const [name = '', ...more] = readdirSync(directory());
      expect(more).toEqual([]);
      expect(readFileSync(join(directory(), name)).equals(BASE[0]!)).toBe(true);
      return;
    }
    const wanted = PRINTS.findLast(([part]) => line.includes(part))?.[1];
    expect(wanted, 'what it prints').not.toBe(undefined);
    expect(stdout).toMatch(wanted!);
  });

  it('says how a ticket is used', async () => {
    const url = `/api/v1/file?image=${registry.host}/nginx:alpine&path=/etc/passwd`;
    const { ticket } = (await (
      await fetch(`${address}/api/v1/ticket?url=${encodeURIComponent(url)}`)
    ).json()) as { ticket: string };
    const asked = (target: string) =>
      fetch(address + target, { headers: { 'X-Forwarded-For': '192.0.2.1' } }); // so it needs the token
    expect((await asked(url)).status).toBe(401);
    expect(await (await asked(`${url}&ticket=${ticket}`)).text()).toBe(PASSWD);
  });
});
