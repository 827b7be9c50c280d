import { describe, expect, it } from 'vitest';
import { ListedPaths } from '#src/cli/commands/peek/listed-paths.js';
import { type PeekJob, peekLayers } from '#src/cli/commands/peek/peek-layers.js';
import { type ListingOptions, PeekListing } from '#src/cli/commands/peek/peek-listing.js';
import { peekDeleted } from '#src/cli/commands/peek/peek-merged.js';
import { LineWriter } from '#src/cli/terminal/output/line-writer.js';
import { Output } from '#src/cli/terminal/output/output.js';
import { ProgressDisplay } from '#src/cli/terminal/progress/progress.js';
import { file, layerWith, whiteout } from '../../../support/entries.js';

const ENTRIES = 50_000;
const layer = layerWith(1, ...Array.from({ length: ENTRIES }, (_, i) => file(`file-${i}`)));

/** A pipe whose reader ends with the first line: the system reports it with the next turn. */
function brokenPipe() {
  const broken = new AbortController();
  let lines = 0;
  const sink = {
    isTerminal: false,
    columns: 80,
    rows: 24,
    broken: broken.signal,
    write(text: string | Uint8Array) {
      lines += text.toString().split('\n').length - 1;
      setImmediate(() => broken.abort(new Error('the reader is gone')));
    },
  };
  return { sink, lines: () => lines };
}

describe('a listing of an indexed layer', () => {
  it.each<[ListingOptions['form'], boolean]>([
    ['long', false],
    ['simple', false],
    ['json', false],
    ['long', true],
  ])('ends with its reader: %s, by size %s', async (form, largestFirst) => {
    const { sink, lines } = brokenPipe();
    const output = new Output(sink, { ...sink, write: () => {} });
    const listed = new ListedPaths([]);
    const display = new ProgressDisplay(output);
    const writer = new LineWriter({ display, output, signal: output.broken });
    const image = {
      resolved: { manifest: { layers: [{ digest: layer.digest, size: 1 }] } },
      cachedLayer: async () => ({ layer }),
      layers: async () => [{ layer, entries: layer.entries }],
    };
    const job = {
      image,
      listed,
      listing: new PeekListing({ form, paths: listed, depth: undefined }, writer),
      headBytes: undefined,
      largestFirst,
      signal: output.broken,
    } as unknown as PeekJob;
    await expect(peekLayers(job, [1])).rejects.toThrow('the reader is gone');
    expect(lines()).toBeLessThan(ENTRIES / 10);
  });
});

it('a listing of what is hidden ends with its reader', async () => {
  const { sink, lines } = brokenPipe();
  const output = new Output(sink, { ...sink, write: () => {} });
  const display = new ProgressDisplay(output);
  const writer = new LineWriter({ display, output, signal: output.broken });
  const paths = Array.from({ length: ENTRIES }, (_, i) => `file-${i}`);
  const numbered = [layer, layerWith(2, ...paths.map((path) => whiteout(path)))].map((one, i) => ({
    number: i + 1,
    layer: one,
    entries: one.entries,
  }));
  const listed = new ListedPaths([]);
  const job = {
    image: {
      resolved: { reference: 'image', manifest: { layers: [{}, {}] } },
      view: async () => ({ layers: numbered }),
      layers: async () => numbered,
    },
    listed,
    listing: new PeekListing({ form: 'long', paths: listed, depth: undefined }, writer),
    largestFirst: false,
    signal: output.broken,
  } as unknown as PeekJob;
  await expect(peekDeleted(job, undefined)).rejects.toThrow('the reader is gone');
  expect(lines()).toBeLessThan(ENTRIES / 10);
});
