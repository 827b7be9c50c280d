import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { RUN_SEED } from '../setup/seed.js';
import { attempt, run } from '../support/child.js';
import { LayoutBuilder, named, writeDirectory } from '../support/local-images.js';
import { Workplace } from '../support/mounts.js';
import { dir, fifo, file, hardlink, opaque, symlink, tarOf, whiteout } from '../support/tar.js';
import { listTree } from '../support/tree-listing.js';

// umoci unpacks both images of a pair. diff(1) and find(1) compare the two trees. All parents are
// directories that each layer lists: overlay/RULES.md differs from umoci elsewhere.

const PAIRS = 5;

const place = new Workplace();
const scratch = mkdtempSync(join(tmpdir(), 'layerslayer-diff-'));
afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true });
  await place.cleanUp();
});

const attributes = fc.record({
  mode: fc.constantFrom(0o644, 0o600, 0o4755),
  uid: fc.constantFrom(0, 7),
  gid: fc.constantFrom(0, 8),
});
const DIRECTORIES = ['d/', 'd/e/', 'd/e/g/', 'h/'];
const name = fc
  .tuple(fc.constantFrom('', ...DIRECTORIES), fc.constantFrom('a', 'b', 'c', 'é', 'n e'))
  .map(([parent, own]) => parent + own);
const content = fc
  .tuple(fc.constantFrom(0, 3, 70_000), fc.nat(2))
  .map(([size, salt]) => Buffer.alloc(size, `${salt}\n`));
const member = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(name, content, attributes).map((args) => [args[0], file(...args)] as const),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(name, fc.constantFrom('a', '../b', '/d/e'))
      .map((args) => [args[0], symlink(...args)] as const),
  },
  { weight: 1, arbitrary: name.map((path) => [path, fifo(path)] as const) },
  {
    weight: 1,
    arbitrary: fc.tuple(name, attributes).map(([path, more]) => [path, dir(`${path}/`, more)] as const),
  },
  { weight: 1, arbitrary: name.map((path) => [path, whiteout(path)] as const) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(name, name)
      .map(
        ([path, target]) =>
          [path, Buffer.concat([file(target, 'linked'), hardlink(path, target)]), target] as const,
      ),
  },
);
/** Parents first; a name is in a layer once, so that no tool must decide which counts. */
const layer = fc
  .tuple(fc.array(member, { maxLength: 14 }), fc.subarray(['d/e/', 'h/']), attributes)
  .map(([members, opaques, { mode }]) => {
    const seen = new Set<string>();
    const once = members.filter(([path, , target]) => {
      const names = target === undefined ? [path] : [path, target];
      const isNew = path !== target && !names.some((one) => seen.has(one));
      for (const one of names) seen.add(one);
      return isNew;
    });
    return tarOf(
      ...DIRECTORIES.map((path) => dir(path, path === 'h/' ? { mode: mode | 0o111 } : {})),
      ...opaques.map((path) => opaque(path.slice(0, -1))),
      ...once.map(([, bytes]) => bytes),
    );
  });
const pair = fc.tuple(fc.array(layer, { minLength: 1, maxLength: 2 }), layer, layer);

/** What diff(1) says: names that one tree has, and files, targets and types that differ. */
async function gnuDiff(from: string, to: string): Promise<string[]> {
  const { stdout } = await attempt('diff', ['-rq', '--no-dereference', from, to]);
  return stdout
    .split('\n')
    .slice(0, -1)
    .filter((line) => !/ is a fifo while file .* is a fifo$/.test(line)) // it calls any two of them different
    .map((line) => {
      const only = /^Only in (.*?)(\/.*)?: (.*)$/.exec(
        line.replace(`Only in ${from}`, 'Only in A').replace(`Only in ${to}`, 'Only in B'),
      );
      if (only) return `${only[1] === 'A' ? '-' : '+'} ${only[2] ?? ''}/${only[3]}`;
      const differs = /^(?:Files|Symbolic links|File) (.*?)(?: and | is a )/.exec(line);
      if (!differs) throw new Error(line);
      return `~ ${differs[1]!.slice(from.length)}`;
    })
    .sort();
}

/** Every name with its attributes, as other programs see them. latin1, as what children print. */
async function found(root: string): Promise<Map<string, Record<string, string>>> {
  return new Map(
    [...(await listTree(root))].map(([path, { type, mode, uid, gid, target, size, sha256 }]) => [
      `/${path}`,
      {
        kind: type,
        mode,
        owner: `${uid}:${gid}`,
        target,
        ...(type === 'f' && { size, content: sha256 }),
      },
    ]),
  );
}

async function naive(from: string, to: string): Promise<string[]> {
  const [some, others] = [await found(from), await found(to)];
  const rows = [...new Set([...some.keys(), ...others.keys()])].flatMap((path) => {
    const [a, b] = [some.get(path), others.get(path)];
    if (!a || !b) return [`${a ? '-' : '+'} ${path}`];
    const fields = ['kind', 'mode', 'owner', 'size', 'content', 'target'].filter(
      (field) => a[field] !== b[field],
    );
    // Of another kind, only what all kinds have is compared.
    const counted =
      a.kind === b.kind ? fields : fields.filter((field) => !['size', 'content', 'target'].includes(field));
    return counted.length > 0 ? [`~ ${path} ${counted.sort().join()}`] : [];
  });
  return rows.sort();
}

it('agrees with diff(1) and find(1) on what umoci unpacks', async () => {
  const pairs = fc.sample(pair, { numRuns: PAIRS, seed: RUN_SEED });
  const builder = new LayoutBuilder();
  const images = pairs.flatMap(([shared, one, other], i) => [
    named(builder.image([...shared, one]), `a${i}`),
    named(builder.image([...shared, other]), `b${i}`),
  ]);
  const layout = writeDirectory(join(scratch, 'layout'), builder.top(images));
  const unpack = async (tag: string) => {
    const bundle = join(scratch, tag);
    await run('umoci', ['unpack', '--image', `${layout}:${tag}`, bundle]);
    return join(bundle, 'rootfs');
  };
  for (const [i] of pairs.entries()) {
    const [from, to] = await Promise.all([unpack(`a${i}`), unpack(`b${i}`)]);
    const ended = await place.layerslayer([
      'diff',
      '--json',
      `oci:${layout}:a${i}`,
      `oci:${layout}:b${i}`,
      '/',
    ]);
    const rows = ended.stdout
      .split('\n')
      .slice(0, -1)
      .map((line): { path: string; change: string; fields: string[] } => JSON.parse(line));
    const signs: Record<string, string> = { added: '+', removed: '-', changed: '~' };
    const all = rows.map(({ path, change, fields }) =>
      `${signs[change]} ${path} ${fields.sort().join()}`.trimEnd(),
    );
    const wanted = await naive(from, to);
    expect([i, ...all.sort()]).toEqual([i, ...wanted]);
    expect(ended.status).toBe(wanted.length > 0 ? 1 : 0);
    // diff(1) names only the top of what one tree has, and knows neither modes nor owners.
    const tops = rows.filter(({ path, change, fields }) => {
      if (change === 'changed') return fields.some((field) => ['kind', 'content', 'target'].includes(field));
      const parent = path.slice(0, path.lastIndexOf('/'));
      return !rows.some(
        (row) => row.path === parent && (row.change === change || row.fields.includes('kind')),
      );
    });
    expect(tops.map(({ path, change }) => `${signs[change]} ${path}`).sort()).toEqual(
      await gnuDiff(from, to),
    );
  }
});
