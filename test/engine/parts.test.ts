import { closeSync, fstatSync, openSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { wantedBlobs } from '#src/engine/blobs/wanted-blobs.js';
import { Counters } from '#src/engine/fetch/counters.js';
import { SharedFiles } from '#src/engine/reading/shared-files.js';

describe('counters', () => {
  it('are the same on both sides, and take any number of blobs', () => {
    const here = new Counters(4);
    const there = new Counters(here.shared);
    there.addFetched(10);
    there.addFetched(2 ** 40);
    for (const blob of [0, 3]) there.addProgress(blob, 5 + blob);
    expect([here.fetched, here.progress(0), here.progress(3), here.progress(1)]).toEqual([
      2 ** 40 + 10,
      5,
      8,
      0,
    ]);
    there.setProgress(7, 0); // the counter of blob 3 before
    there.addProgress(7, 1);
    expect([here.progress(7), here.fetched]).toEqual([1, 2 ** 40 + 10]);
  });
});

describe('shared files', () => {
  it('outlive the descriptor they come from, and are closed at the end', () => {
    const files = new SharedFiles();
    const fd = openSync(import.meta.filename, 'r');
    const place = files.share({ fd, start: 7 })!;
    closeSync(fd);
    expect(place.start).toBe(7);
    expect(fstatSync(place.fd).isFile()).toBe(true);
    files.close();
    expect(() => fstatSync(place.fd)).toThrow('EBADF');
  });

  it('are none of what is no file any more', () => {
    const files = new SharedFiles();
    expect(files.share(undefined)).toBeUndefined();
    expect(files.share({ fd: 999_999, start: 0 })).toBeUndefined();
  });
});

describe('the blobs of an image', () => {
  const layersOf = (...digests: string[]) =>
    ({ manifest: { layers: digests.map((digest) => ({ digest, size: 7 })) } }) as never;

  it('are named once each, with all layers that they are', () => {
    expect(wantedBlobs(layersOf('a', 'b', 'a'), [3, 2, 1, 2])).toEqual([
      { digest: 'a', size: 7, numbers: [3, 1] },
      { digest: 'b', size: 7, numbers: [2] },
    ]);
    expect(wantedBlobs(layersOf(), [])).toEqual([]);
  });

  it('are refused when there are too many, or a number is none', () => {
    const many = layersOf(...Array.from({ length: 1025 }, (_, i) => `${i}`));
    expect(() => wantedBlobs(many, [1])).toThrow('the image has 1025 layers, the limit is 1024');
    expect(() => wantedBlobs(layersOf('a'), [2])).toThrow('got layer 2, want 1 to 1');
  });
});
