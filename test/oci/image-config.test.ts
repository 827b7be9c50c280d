import { expect, test } from 'vitest';
import { buildSteps, createdBy } from '#src/oci/build-steps.js';
import { CONFIG_SIZE_MAX, parseImageConfig } from '#src/oci/image-config.js';

const DIFF_ID = `sha256:${'1'.repeat(64)}`;
const parse = (value: unknown) => parseImageConfig(Buffer.from(JSON.stringify(value)), 'config X');

test('a config as docker writes it', () => {
  const config = parse({
    architecture: 'arm64',
    os: 'linux',
    variant: 'v8',
    created: '2024-01-02T03:04:05Z',
    config: {
      User: '1000:1000',
      Env: ['A=b'],
      Entrypoint: ['/entry'],
      Cmd: null,
      ExposedPorts: { '80/tcp': {} },
      Volumes: { '/data': {} },
      Labels: { a: 'b' },
      WorkingDir: '/srv',
      StopSignal: 'SIGQUIT',
    },
    rootfs: { type: 'layers', diff_ids: [DIFF_ID] },
    history: [{ created_by: 'ADD x' }, { created_by: 'ENV A=b', empty_layer: true }],
  });
  expect(structuredClone(config)).toEqual(config);
  expect(config).toEqual({
    os: 'linux',
    architecture: 'arm64',
    variant: 'v8',
    created: '2024-01-02T03:04:05Z',
    diffIds: [DIFF_ID],
    history: [
      { createdBy: 'ADD x', emptyLayer: false },
      { createdBy: 'ENV A=b', emptyLayer: true },
    ],
    container: {
      user: '1000:1000',
      env: ['A=b'],
      entrypoint: ['/entry'],
      exposedPorts: ['80/tcp'],
      volumes: ['/data'],
      labels: { a: 'b' },
      workingDir: '/srv',
      stopSignal: 'SIGQUIT',
    },
  });
});

test('what is missing or of the wrong type is absent, never a fault', () => {
  const empty = {
    diffIds: [],
    history: [],
    container: { env: [], exposedPorts: [], volumes: [], labels: {} },
  };
  for (const odd of [
    {},
    { os: 7, config: [], history: {}, rootfs: null },
    { config: { Env: 'A=b', Labels: [] } },
  ]) {
    expect(parse(odd)).toEqual(empty);
  }
});

test('labels named as what every object has stay labels', () => {
  const bytes = Buffer.from('{"config":{"Labels":{"__proto__":"a","constructor":"b"}}}');
  const { labels } = parseImageConfig(bytes, 'config X').container;
  expect(Object.entries(labels)).toEqual([
    ['__proto__', 'a'],
    ['constructor', 'b'],
  ]);
  expect(Object.getPrototypeOf(labels)).toBe(Object.prototype);
});

test.each([
  ['no JSON', Buffer.from('<html>'), 'not JSON'],
  ['not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'not JSON'],
  ['a diff_id that is no digest', Buffer.from('{"rootfs":{"diff_ids":["../x"]}}'), 'diff_id 1'],
  ['more than 8 MiB', Buffer.alloc(CONFIG_SIZE_MAX + 1, ' '), 'limit of 8388608'],
])('%s is UNSUPPORTED', (_, bytes, why) => {
  expect(() => parseImageConfig(bytes, 'config X')).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
  expect(() => parseImageConfig(bytes, 'config X')).toThrow(why);
});

test.each([null, ''])('a field %j counts as absent; a label may be empty', (nothing) => {
  const config = {
    User: nothing,
    Env: nothing,
    Cmd: nothing,
    ExposedPorts: nothing,
    Labels: { a: '', b: null },
  };
  const body = { os: 'linux', architecture: nothing, variant: nothing, author: nothing, history: nothing };
  expect(parse({ ...body, rootfs: nothing, config })).toEqual({
    ...parse({ os: 'linux' }),
    container: { ...parse({}).container, labels: { a: '' } },
  });
  expect(parse({ config: nothing, rootfs: { diff_ids: nothing } })).toEqual(parse({}));
});

test('build steps know their layer, unless the history does not fit', () => {
  const config = parse({
    history: [{ created_by: 'a' }, { created_by: 'b', empty_layer: true }, { created_by: 'c' }],
  });
  expect(buildSteps(config, 2).map((step) => step.layer)).toEqual([1, undefined, 2]);
  expect(createdBy(buildSteps(config, 2), 2)).toBe('c');
  expect(buildSteps(config, 3).map((step) => step.layer)).toEqual([undefined, undefined, undefined]);
  expect(createdBy(buildSteps(config, 3), 1)).toBeUndefined();
});
