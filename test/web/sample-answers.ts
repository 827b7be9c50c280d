import type { ServerResponse } from 'node:http';
import type { EntryRecord, StatRecord } from '#src/api/schemas/entry.js';
import { type Answer, sendFile, sendJson, sendLines } from './mock-explorer.js';

/** What a file may hold: markup, controls, marks of direction, bytes that are not UTF-8. */
const HOSTILE = Buffer.concat([
  Buffer.from('<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>\n'),
  Buffer.from('tab\there, escape \x1b[31m, nul \0, right to left \u202egnp.exe\r\n'),
  Buffer.from('last line \xff', 'latin1'),
]);

const SCRIPT = `#!/bin/sh
# greets <script>window.pwned=1</script>
set -eu
for name in "$@"; do
  echo "hello, \${name}"
done
`;

export const LOG_SIZE = 100_000_000;

export const LOG_LINE = 50; // bytes, with the newline

/** Line 1 of the log is `line 000000001 …`. */
function logBytes(offset: number, length: number): Uint8Array {
  const first = Math.floor(offset / LOG_LINE);
  const last = Math.ceil((offset + length) / LOG_LINE);
  let text = '';
  for (let line = first; line < last; line++)
    text += `line ${String(line + 1).padStart(9, '0')} GET /index.html 200 0.001`
      .padEnd(LOG_LINE - 1, '.')
      .concat('\n');
  const start = offset - first * LOG_LINE;
  return Buffer.from(text).subarray(start, start + length);
}

export const HUGE_SIZE = 4 * 1024 ** 3;

/** Each 16 bytes begin with their offset, big endian. */
function hugeBytes(offset: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 16 <= length; at += 16) bytes.writeUInt32BE(offset + at, at);
  return bytes;
}

const SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><script>window.pwned=1</script></svg>';

const of = (content: Uint8Array) => ({
  size: content.length,
  bytesAt: (offset: number, length: number) => content.subarray(offset, offset + length),
});

const FILES: Record<string, { size: number; bytesAt: (offset: number, length: number) => Uint8Array }> = {
  '/hostile': of(HOSTILE),
  '/hello.sh': of(Buffer.from(SCRIPT)),
  '/var/big.log': { size: LOG_SIZE, bytesAt: logBytes },
  '/huge.img': { size: HUGE_SIZE, bytesAt: hugeBytes },
  '/logo.svg': of(Buffer.from(SVG)),
  '/minified.txt': of(Buffer.from(`${'x'.repeat(5_000)}\nend\n`)),
  '/etc/nginx.conf': of(Buffer.from('worker_processes 2;\n')),
};

function entry(path: string, change: Partial<EntryRecord> = {}): EntryRecord {
  const size = FILES[path]?.size ?? 0;
  return {
    layer: 2,
    state: 'live',
    path,
    kind: FILES[path] ? 'file' : 'dir',
    mode: '0644',
    uid: 0,
    gid: 0,
    size,
    mtime: 1_700_000_000,
    ...change,
  };
}

const STEPS = ['ADD rootfs.tar /', 'RUN apk add --no-cache nginx', 'RUN rm -rf /var/cache'];

function stepOf(layer: number): string {
  return STEPS[layer - 1]!;
}

const stat: Answer = (query, _, response) => {
  const path = query.get('path')!;
  if (path === '/missing')
    return sendJson(response, { error: { code: 'NOT_FOUND', message: 'no such file' } }, 404);
  const isGone = path === '/etc/nginx.conf';
  const own = entry(path, isGone ? { state: 'deleted', hiddenBy: 3, how: 'whiteout' } : {});
  const old = entry(path, { layer: 1, state: 'overridden', hiddenBy: 2, how: 'replaced' });
  const digest = `sha256:${'0'.repeat(64)}`;
  const versions: StatRecord['versions'] = [
    { layer: 1, layerDigest: digest, change: 'added', step: stepOf(1), entry: old },
    { layer: 2, layerDigest: digest, change: 'changed', step: stepOf(2), entry: own },
  ];
  if (isGone) versions.push({ layer: 3, layerDigest: digest, change: 'removed', step: stepOf(3) });
  const layer = query.get('layer');
  if (layer !== null) return sendInLayer(versions[Number(layer) - 1], query.has('missing'), response);
  const answer: StatRecord = {
    digest,
    entry: own.kind === 'dir' ? { ...own, bytes: 100_000_000, entries: 1_234, layers: [1, 2] } : own,
    step: stepOf(2),
    hiddenStep: isGone ? stepOf(3) : undefined,
    nlink: isGone ? 0 : 1,
    names: [],
    hides: [old],
    versions,
  };
  sendJson(response, answer);
};

/** In its own layer, an entry is live. */
function sendInLayer(
  version: StatRecord['versions'][number] | undefined,
  mayBeMissing: boolean,
  response: ServerResponse,
): void {
  if (!version?.entry) {
    const fault = { error: { code: 'NOT_FOUND', message: 'no such file' } };
    if (mayBeMissing) sendJson(response, { digest: `sha256:${'0'.repeat(64)}`, missing: true });
    else sendJson(response, fault, 404);
    return;
  }
  const { hiddenBy: _, how: __, ...own } = version.entry;
  const sums = { bytes: 1_024, entries: 3, layers: [own.layer] };
  const shown = { ...own, ...(own.kind === 'dir' && sums), state: 'live' } as const;
  const { layerDigest: digest, step } = version;
  const versions = [{ ...version, change: 'added', entry: shown }];
  sendJson(response, { digest, entry: shown, step, nlink: 1, names: [], hides: [], versions });
}

const file: Answer = (query, request, response) => {
  const { size, bytesAt } = FILES[query.get('path')!]!;
  sendFile(size, bytesAt, request, response);
};

/** Rows of `du`: of /usr with lib and bin, and /etc. */
const USAGE = [
  { path: '/usr', layer: 1, bytes: 60_000_000, entries: 900 },
  { path: '/usr/lib', layer: 1, bytes: 50_000_000, entries: 700 },
  { path: '/usr', layer: 2, bytes: 20_000_000, entries: 30 },
  { path: '/usr/bin', layer: 2, bytes: 20_000_000, entries: 30 },
  { path: '/usr/bin', layer: 1, bytes: 10_000_000, entries: 190 },
  { path: '/swap.img', layer: 3, bytes: 9_000_000, entries: 1 },
  { path: '/etc', layer: 2, bytes: 1_000_000, entries: 80 },
  { path: '/etc/<b>bold', layer: 2, bytes: 900_000, entries: 1 },
];

export const HIDDEN_TOTAL = { bytes: 70_000_000, entries: 1_205, layerBytes: 200_000_000, percent: 35 };

function hiddenRows(all: boolean, depth: string | null) {
  const group = (path: string, layer: number, how: string, bytes: number, entries: number) => ({
    path,
    layer,
    hiddenBy: 3,
    how,
    bytes,
    entries,
    addedBy: stepOf(layer),
    removedBy: stepOf(3),
  });
  if (depth === '0')
    return [group('/', 2, 'whiteout', 60_000_000, 1_200), group('/', 1, 'replaced', 10_000_000, 5)];
  return [
    group('/var/cache', 2, 'whiteout', 60_000_000, 1_200),
    ...(all ? [group('/var/cache/index.db', 2, 'whiteout', 55_000_000, 1)] : []),
    group('/usr/lib/libssl.so', 1, 'replaced', 10_000_000, 1),
    ...(all ? [group('/var/cache/small', 2, 'whiteout', 5_000_000, 1)] : []),
  ];
}

const du: Answer = (query, _, response) => {
  const depth = query.get('depth');
  if (query.has('hidden'))
    return sendLines(response, [...hiddenRows(query.has('files'), depth), { total: HIDDEN_TOTAL }]);
  const path = query.get('path')!;
  const total = { bytes: 100_000_000, entries: 1_234, layerBytes: 200_000_000, percent: 50 };
  if (depth === '0') return sendLines(response, [{ path, bytes: 100_000_000, entries: 1_234 }, { total }]);
  sendLines(response, [...USAGE.filter((row) => row.path.startsWith(path)), { total }]);
};

export const FOUND = 20_000;

const find: Answer = (query, _, response) => {
  if (query.get('pattern') === 'bad[')
    return sendLines(response, [
      { ...entry('/first'), image: {} },
      { error: { code: 'INTERNAL', message: 'the search ended' } },
    ]);
  if (query.get('pattern') === 'nothing')
    return sendLines(response, [{ complete: true, searched: 1, incomplete: 0, found: 0 }]);
  const image = { reference: 'sample:1', digest: '', platform: 'linux/amd64' };
  const change = query.has('deleted') ? ({ state: 'deleted', hiddenBy: 3, how: 'whiteout' } as const) : {};
  const rows = Array.from({ length: FOUND }, (_, index) => ({
    ...entry(`/etc/conf.d/${index}<i>.conf`, { kind: 'file', size: index, ...change }),
    image,
  }));
  sendLines(response, [...rows, { complete: true, searched: 1, incomplete: 0, found: FOUND }]);
};

const side = ({ path: _, state: __, ...rest }: EntryRecord) => rest;

const diff: Answer = (query, _, response) => {
  const from = side(entry('/etc/nginx.conf'));
  const changed = {
    path: '/etc/nginx.conf',
    change: 'changed',
    fields: ['mode', 'size', 'content'],
    from,
    to: { ...from, mode: '0755', size: 4_096 },
  };
  if (query.has('content'))
    return sendLines(response, [
      {
        ...changed,
        content: {
          kind: 'text',
          diff: '--- a\n+++ b\n@@ -1 +1 @@\n-worker_processes 2;\n+<b>worker</b> 4;\n',
        },
      },
    ]);
  sendLines(response, [
    {
      path: null,
      change: 'changed',
      fields: ['config'],
      config: 'Env',
      key: 'PATH',
      from: '/bin',
      to: '/usr/bin',
    },
    {
      path: '/new',
      change: 'added',
      fields: [],
      from: null,
      to: side(entry('/new', { kind: 'file', size: 2_048 })),
    },
    {
      path: '/old',
      change: 'removed',
      fields: [],
      from: side(entry('/old', { kind: 'file', size: 10 })),
      to: null,
    },
    changed,
    { total: { added: 1, removed: 1, changed: 1, errors: 0 } },
  ]);
};

const ticket: Answer = (_, __, response) => sendJson(response, { ticket: 'abc' });

const tree: Answer = (_, __, response) =>
  sendJson(response, { digest: `sha256:${'a'.repeat(64)}`, entries: [entry('/etc')] });

/** An image with a file of each kind that the views show. */
export const SAMPLE: Record<string, Answer> = { stat, file, du, find, diff, ticket, tree };
