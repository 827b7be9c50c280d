import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../support/child.js';
import { LayoutBuilder, named, writeDirectory } from '../support/local-images.js';
import { Workplace } from '../support/mounts.js';
import { imageSteps, layersOf } from '../support/random-image.js';

/** `du` against GNU du, on umoci's trees and on a mount, and against trees of the first layers. */
const IMAGES = 3;

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.cleanUp());

const images = fc.sample(imageSteps, IMAGES).map((steps, i) => [i + 1, layersOf(steps)] as const);

/** Writes an image as a layout. @returns its directory, whose tag is `t` */
function layoutOf(layers: readonly Buffer[], name: string): string {
  const layout = new LayoutBuilder();
  return writeDirectory(join(place.scratch, name), layout.top([named(layout.image(layers), 't')]));
}

async function unpacked(layers: readonly Buffer[], name: string): Promise<string> {
  const tree = join(place.scratch, `${name}-tree`);
  await run('umoci', ['raw', 'unpack', '--image', `${layoutOf(layers, name)}:t`, tree]);
  return tree;
}

async function rows(...args: string[]): Promise<Record<string, unknown>[]> {
  const ended = await place.layerslayer(['du', '--json', ...args]);
  expect(ended).toMatchObject({ status: 0, stderr: '' });
  const text = Buffer.from(ended.stdout, 'latin1').toString();
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

/** `du -b` and `du --inodes` of GNU, without the directories' own bytes. */
async function gnu(path: string): Promise<{ bytes: number; entries: number }> {
  const first = async (command: string, ...args: string[]) =>
    (await run(command, args)).stdout.split('\n').map((line) => Number(line.split('\t')[0]));
  const [bytes] = await first('du', '-b', '--summarize', path);
  const [entries] = await first('du', '--inodes', '--summarize', path);
  const directories = await first('find', path, '-type', 'd', '-printf', '%s\n');
  return { bytes: bytes! - directories.reduce((sum, size) => sum + size, 0), entries: entries! };
}

describe.each(images)('random image %d', (_, layers) => {
  it('has the sizes and entries of GNU du on umoci’s tree', async () => {
    const tree = await unpacked(layers, 'whole');
    const image = `oci:${join(place.scratch, 'whole')}:t`;
    const [top] = await rows('--depth', '0', image);
    expect(top).toEqual({ path: '/', ...(await gnu(tree)) });
    const directories = readdirSync(tree, { withFileTypes: true }).filter((one) => one.isDirectory());
    for (const { name } of directories.slice(0, 2)) {
      const listed = await rows('--all', image, `/${name}`);
      expect(listed.at(-1)).toEqual({ path: `/${name}`, ...(await gnu(join(tree, name))) });
    }
    const byLayer = await rows('--depth', '0', '--layers', image);
    expect(byLayer.reduce((sum, { bytes }) => sum + Number(bytes), 0)).toBe(top!.bytes);
  });

  it('hides what is in umoci’s tree of some layers, and in none with more layers', async () => {
    const trees: Map<string, number>[] = [];
    for (const [i] of layers.entries())
      trees.push(contents(await unpacked(layers.slice(0, i + 1), `prefix-${i}`)));
    const wanted = new Map<string, number>();
    for (const [i, tree] of trees.slice(0, -1).entries()) {
      for (const [content, size] of tree) {
        if (trees.slice(i + 1).some((later) => later.has(content))) continue;
        const key = `${content.split('.')[0]} ${i + 2}`;
        wanted.set(key, (wanted.get(key) ?? 0) + size);
      }
    }
    const found = new Map<string, number>();
    const listed = await rows('--hidden', `oci:${join(place.scratch, `prefix-${layers.length - 1}`)}:t`);
    for (const { layer, hiddenBy, bytes } of listed.slice(0, -1)) {
      const key = `${layer} ${hiddenBy}`;
      if (bytes !== 0) found.set(key, (found.get(key) ?? 0) + Number(bytes));
    }
    expect([...found].sort()).toEqual([...wanted].sort());
    const { total } = listed.at(-1) as { total: { bytes: number } };
    expect(total.bytes).toBe([...wanted.values()].reduce((sum, bytes) => sum + bytes, 0));
  });

  /** What tells a file from all others, and its size. */
  function contents(tree: string): Map<string, number> {
    const entries = readdirSync(tree, { recursive: true, withFileTypes: true });
    const paths = entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
    return new Map(paths.map((path) => [readFileSync(path, 'utf8').split(' ')[0]!, statSync(path).size]));
  }
});

it('counts hard links where GNU du on a mount does', async () => {
  const [, layers] = images[0]!;
  const image = `oci:${layoutOf(layers, 'mounted')}:t`;
  const mnt = await place.mount(image);
  const listed = await run('du', ['-b', '--all', '.'], { cwd: mnt });
  const directories = await run('find', ['.', '-type', 'd', '-printf', '%p\\n'], { cwd: mnt });
  const own = directories.stdout.split('\n').slice(0, -1);
  const wanted = listed.stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [bytes, path = ''] = line.split('\t');
      const below = own.filter((one) => one === path || one.startsWith(`${path}/`)).length;
      return `${Number(bytes) - 4096 * below}\t${path.slice(1) || '/'}`;
    });
  const { stdout } = await place.layerslayer(['du', '-b', '--all', image]);
  expect(stdout.split('\n').slice(0, -1).sort()).toEqual(wanted.sort());
  await place.unmount(mnt);
});
