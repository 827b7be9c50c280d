import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configDifferences } from '#src/image/compare/config-differences.js';
import { stepDifferences } from '#src/image/compare/step-differences.js';
import { parseImageConfig } from '#src/oci/image-config.js';

const PLATFORM = { os: 'linux', architecture: 'amd64' };
const imageOf = (config: object, more: object = {}, platform = PLATFORM) => ({
  config: parseImageConfig(Buffer.from(JSON.stringify({ config, ...more })), 'config'),
  platform,
});
const steps = (...commands: string[]) => commands.map((createdBy) => ({ createdBy, emptyLayer: true }));

describe('configs', () => {
  const table: [string, object, object, object[]][] = [
    ['equal', { Cmd: ['a'], Env: ['A=1', 'B=2'] }, { Cmd: ['a'], Env: ['B=2', 'A=1'] }, []],
    ['user', { User: 'root' }, {}, [{ field: 'user', from: 'root', to: undefined }]],
    ['workdir', {}, { WorkingDir: '/w' }, [{ field: 'workingDir', from: undefined, to: '/w' }]],
    [
      'entrypoint',
      { Entrypoint: ['a'] },
      { Entrypoint: ['a', 'b'] },
      [{ field: 'entrypoint', from: ['a'], to: ['a', 'b'] }],
    ],
    ['an empty command', { Cmd: [] }, {}, [{ field: 'cmd', from: [], to: undefined }]],
    [
      'variables, by their names',
      { Env: ['A=1', 'B=x=y', 'C'] },
      { Env: ['B=x=z', 'A=1', 'D='] },
      [
        { field: 'env', key: 'B', from: 'x=y', to: 'x=z' },
        { field: 'env', key: 'C', from: '', to: undefined },
        { field: 'env', key: 'D', from: undefined, to: '' },
      ],
    ],
    [
      'labels',
      { Labels: { a: '1', ['__proto__']: 'x' } },
      { Labels: { a: '2' } },
      [
        { field: 'labels', key: 'a', from: '1', to: '2' },
        { field: 'labels', key: '__proto__', from: 'x', to: undefined },
      ],
    ],
    [
      'ports and volumes',
      { ExposedPorts: { '80/tcp': {} }, Volumes: {} },
      { Volumes: { '/data': {} } },
      [
        { field: 'exposedPorts', key: '80/tcp', from: '80/tcp', to: undefined },
        { field: 'volumes', key: '/data', from: undefined, to: '/data' },
      ],
    ],
    [
      'signal and shell',
      { StopSignal: 'TERM', Shell: ['sh'] },
      { StopSignal: 'INT', Shell: ['sh'] },
      [{ field: 'stopSignal', from: 'TERM', to: 'INT' }],
    ],
  ];
  it.each(table)('%s', (_, from, to, wanted) => {
    expect(configDifferences(imageOf(from), imageOf(to))).toEqual(
      wanted.map((one) => ({ kind: 'config', ...one })),
    );
  });

  it('of other platforms differ; the time of creation counts only if times do', () => {
    const [some, others] = [imageOf({}, { created: '2024' }), imageOf({}, { created: '2025' })];
    expect(configDifferences(some, others)).toEqual([]);
    expect(configDifferences(some, others, { times: true })).toEqual([
      { kind: 'config', field: 'created', from: '2024', to: '2025' },
    ]);
    expect(configDifferences(some, imageOf({}, {}, { os: 'linux', architecture: 'arm64' }))).toEqual([
      { kind: 'config', field: 'platform', from: 'linux/amd64', to: 'linux/arm64' },
    ]);
  });
});

describe('build steps', () => {
  it('that one image has are those outside a longest common sequence', () => {
    expect(stepDifferences(steps('a', 'b', 'c', 'd'), steps('a', 'x', 'c', 'y', 'd'))).toEqual([
      { kind: 'step', step: 2, from: 'b', to: undefined },
      { kind: 'step', step: 2, from: undefined, to: 'x' },
      { kind: 'step', step: 4, from: undefined, to: 'y' },
    ]);
    expect(stepDifferences(steps('a', 'a'), steps('a'))).toHaveLength(1);
  });

  it('make the second list of the first, with as few differences as possible', () => {
    const list = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 8 });
    fc.assert(
      fc.property(list, list, (from, to) => {
        const found = stepDifferences(steps(...from), steps(...to));
        const removed = new Set(found.filter((one) => one.from !== undefined).map(({ step }) => step - 1));
        const added = new Set(found.filter((one) => one.to !== undefined).map(({ step }) => step - 1));
        const kept = from.filter((_, i) => !removed.has(i));
        expect(kept).toEqual(to.filter((_, i) => !added.has(i)));
        expect(kept).toHaveLength(commonLength(from, to));
        for (const { step, from: old, to: other } of found)
          expect((old === undefined ? to : from)[step - 1]).toBe(old ?? other);
      }),
    );
  });

  it('of hostile histories are compared in no more than a second', () => {
    const many = (salt: number) =>
      steps(...Array.from({ length: 100_000 }, (_, i) => String((i * salt) % 11)));
    const began = performance.now();
    expect(stepDifferences(many(3), many(5)).length).toBeGreaterThan(100_000);
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

function commonLength(some: readonly string[], others: readonly string[]): number {
  const [first, ...rest] = some;
  if (first === undefined || others.length === 0) return 0;
  const at = others.indexOf(first);
  const without = commonLength(rest, others);
  return at < 0 ? without : Math.max(without, 1 + commonLength(rest, others.slice(at + 1)));
}
