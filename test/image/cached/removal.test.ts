import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SILENT_LOG } from '#src/base/log.js';
import { ContentStore } from '#src/cache/content-store.js';
import { planRemoval } from '#src/image/cached/removal.js';
import type { Digest } from '#src/oci/digest.js';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { encodeTree } from '#src/overlay/tree-codec.js';
import { cleanUp, scratchDirectory } from '../../cache/scratch.js';
import { entriesOf, file } from '../../support/entries.js';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER_TAR, OCI_MANIFEST, sha256 } from '../../support/registry.js';

let store: ContentStore;
beforeEach(async () => {
  store = await ContentStore.open({ directory: scratchDirectory(), capBytes: 2 ** 24, log: SILENT_LOG });
});
afterEach(async () => {
  await store.close();
  await cleanUp();
});

const digest = (name: string) => sha256(name) as Digest;
const described = (mediaType: string, name: string) => ({ mediaType, digest: digest(name), size: 1 });

/** The name of a document is in its key: contents are not checked here. */
const document = (name: string, content: object | string) =>
  store.write(
    'manifest',
    digest(name),
    Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)),
  );

const manifest = (name: string, config: string) =>
  document(name, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: described(OCI_CONFIG, config),
    layers: [described(OCI_LAYER_TAR, 'layer')],
  });

const index = (name: string, ...manifests: string[]) =>
  document(name, {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: manifests.map((one) => described(OCI_MANIFEST, one)),
  });

const record = (reference: string, name: string, layers: object[] = []) =>
  store.write(
    'image',
    sha256(`${reference} ${name}`).slice(7),
    Buffer.from(
      JSON.stringify({
        reference,
        digest: digest(name),
        platform: { os: 'linux', architecture: 'amd64' },
        layers,
        answeredMs: 1,
      }),
    ),
  );

const layer = (name: string, origin?: object) => ({
  digest: digest(name),
  size: 1,
  ...(origin && { origin }),
});

/** The merged tree of layers, by their names. */
const tree = (key: string, ...names: string[]) => {
  const layers = names.map((name, i) => ({
    entries: entriesOf(file(name, 'x')),
    number: i + 1,
    layer: { digest: digest(name) },
  }));
  return store.write('tree', key, encodeTree(mergeLayers(layers, { onWarning() {} }), layers, []));
};

async function removedBy(...references: string[]): Promise<string[]> {
  const plan = planRemoval(store, await store.entries(), references);
  return plan.files.map(({ kind, key }) => `${kind} ${key}`).sort();
}
const manifestsOf = (...names: string[]) => names.map((name) => `manifest ${digest(name)}`).sort();
const only = (files: readonly string[], kind: string) => files.filter((name) => name.startsWith(kind));

describe('what only one image needs', () => {
  it('are its documents, and the indexes that lead to it, with all that they list', async () => {
    await record('a', 'm1');
    await record('b', 'm2');
    await manifest('m1', 'c1');
    await manifest('m2', 'c2');
    await manifest('other platform', 'c3');
    for (const name of ['c1', 'c2', 'c3']) await document(name, `{"os":"${name}"}`);
    await index('inner', 'm1', 'other platform');
    await index('outer', 'inner');
    await index('own of b', 'm2');
    expect(only(await removedBy('a'), 'manifest')).toEqual(
      manifestsOf('m1', 'c1', 'inner', 'outer', 'other platform', 'c3'),
    );
    expect(only(await removedBy('b'), 'manifest')).toEqual(manifestsOf('m2', 'c2', 'own of b'));
  });

  it('is no document that another image needs, nor one that leads to that', async () => {
    await record('a', 'm1');
    await record('b', 'm2');
    await manifest('m1', 'config');
    await manifest('m2', 'config');
    await document('config', '{}');
    await index('both', 'm1', 'm2');
    await document('damaged', 'no JSON');
    await index('circle', 'circle', 'm1');
    expect(only(await removedBy('a'), 'manifest')).toEqual(manifestsOf('m1', 'circle'));
    expect(only(await removedBy('a', 'b'), 'manifest')).toEqual(
      manifestsOf('m1', 'm2', 'config', 'both', 'circle'),
    );
  });

  it('are its layers, those from a table too, and merged trees of some of its layers', async () => {
    const table = { kind: 'table', format: 'soci', digest: digest('table'), isExact: true };
    await record('a', 'm1', [layer('base'), layer('one', table)]);
    await record('b', 'm2', [layer('base'), layer('two')]);
    for (const name of ['base', 'one', 'two', 'unknown']) {
      await store.write('index', `1/${digest(name)}`, Buffer.from('x'));
      await store.write('states', `1/${digest(name)}`, Buffer.from('x'));
      await store.write('page', `${digest(name)}/0`, Buffer.from('x'));
    }
    await store.write('index', `1/${digest('one')}.0123456789abcdef`, Buffer.from('x'));
    await store.write('page', `${digest('table')}/0`, Buffer.from('x'));
    await store.write('refutation', `${digest('one')}.0123456789abcdef`, Buffer.from('x'));
    await tree('1.1/a', 'base', 'one');
    await tree('1.1/b', 'base', 'two');
    await tree('1.1/base', 'base');
    await tree('1.1/one', 'one');
    await tree('1.1/none');
    await store.write('tree', '1.1/damaged', Buffer.from('x'));
    const removed = await removedBy('a');
    expect(only(removed, 'tree')).toEqual(['tree 1.1/a', 'tree 1.1/one']);
    expect(removed.filter((name) => !/^(tree|image)/.test(name))).toEqual(
      [
        `index 1/${digest('one')}`,
        `index 1/${digest('one')}.0123456789abcdef`,
        `page ${digest('one')}/0`,
        `page ${digest('table')}/0`,
        `states 1/${digest('one')}`,
      ].sort(),
    );
    expect(only(await removedBy('a', 'b'), 'tree')).toHaveLength(4);
  });

  it('is nothing of one that is not cached', async () => {
    await record('a', 'm1', [layer('base')]);
    const plan = planRemoval(store, await store.entries(), ['c', 'd']);
    expect(plan).toEqual({ files: [], images: [], missing: ['c', 'd'], references: ['a'] });
  });
});
