import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CatJob, catFiles } from '#src/carve/cat-files.js';
import { askedPaths } from '#src/image/paths/asked-path.js';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { joinPath, resolvePath } from '#src/overlay/resolve-path.js';
import { askedPath, stack } from '../overlay/random-layers.js';
import type { Stack } from '../overlay/trees.js';
import { entriesOf, file } from '../support/entries.js';
import { SearchedStack } from './searched-stack.js';

/** Runs a `cat`. @returns what it wrote, and the texts of the paths that failed */
async function cat(
  source: SearchedStack,
  layers: Stack,
  words: readonly string[],
  more: Partial<CatJob> = {},
) {
  const byText = new Map(askedPaths(words).map((one) => [one.text, one]));
  const written: Buffer[] = [];
  const failed: string[] = [];
  const asked = words.map((word) => byText.get(word)!);
  const job: CatJob = {
    image: source.image as CatJob['image'],
    numbers: layers.map((_, i) => i + 1),
    verify: false,
    write: (bytes) => void written.push(Buffer.from(bytes)),
    failed: (_, { text }) => void failed.push(text),
    doubt: () => {},
    settled: () => undefined,
    signal: new AbortController().signal,
    onProgress: undefined,
    ...more,
  };
  const fault = await catFiles(job, asked, { needsTree: false }).catch((error: unknown) => error);
  return { text: Buffer.concat(written).toString(), failed: failed.sort(), fault };
}

/** What the merged tree says of the same. */
function merged(layers: Stack, words: readonly string[]) {
  const tree = mergeLayers(layers.map((entries, i) => ({ entries: entriesOf(...entries), number: i + 1 })));
  const failed = new Set<string>();
  const texts = words.map((text) => {
    const resolved = resolvePath(tree, askedPaths([text])[0]!.path);
    if (resolved.kind === 'found' && tree.kind(resolved.inode) === 'file') {
      const { content } = layers[tree.layerOf(resolved.inode) - 1]![tree.rowOf(resolved.inode)]!;
      return Buffer.from(content).toString();
    }
    failed.add(text);
    return '';
  });
  return { text: texts.join(''), failed: [...failed].sort(), fault: undefined };
}

describe('cat of files', () => {
  it('writes what the merged tree has, in the order of the words, whatever is cached', async () => {
    const words = fc.array(
      askedPath.map((names) => joinPath(names).toString()),
      { minLength: 1, maxLength: 6 },
    );
    const isKept = fc.array(fc.boolean(), { minLength: 4, maxLength: 4 });
    const check = async (layers: Stack, asked: string[], kept: boolean[], verify: boolean) => {
      const numbers = layers.map((_, i) => i + 1).filter((number) => kept[number - 1]);
      // A scan reads each layer to its end, so that all answers are certain.
      const source = new SearchedStack(layers, new Set(numbers), 1000);
      expect(await cat(source, layers, asked, { verify })).toEqual(merged(layers, asked));
    };
    await fc.assert(fc.asyncProperty(stack, words, isKept, fc.boolean(), check), { numRuns: 300 });
  });

  it('passes each layer once, and opens none for files that are met before their turn', async () => {
    const layers = [
      [file('a', 'a'), file('b', 'b'), file('z', 'z')],
      [file('c', 'c'), file('d', 'd')],
    ];
    const source = new SearchedStack(layers);
    const { text } = await cat(source, layers, ['/z', '/d', '/b', '/c', '/a', '/z']);
    expect(text).toBe('zdbcaz');
    expect([...source.walked]).toEqual([
      [2, 2],
      [1, 3],
    ]);
    expect(source.opened.size).toBe(0);
  });

  it('writes no more when the reader is gone', async () => {
    const layers = [[file('a', 'a'), file('b', 'b')]];
    const stop = new AbortController();
    const write = () => stop.abort(new Error('gone'));
    const { fault } = await cat(new SearchedStack(layers, new Set([1])), layers, ['/a', '/b', '/none'], {
      write,
      signal: stop.signal,
    });
    expect(fault).toMatchObject({ message: 'gone' });
  });
});
