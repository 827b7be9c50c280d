import { describe, expect, it } from 'vitest';
import { PartSender } from '#src/engine/fetch/part-sender.js';

describe('the first part of a stream', () => {
  it.each([1, 6, 100, 511, 512, 5000])('has a tar block at least, in chunks of %d bytes', async (length) => {
    const parts: number[] = [];
    const sender = new PartSender(async (part) => {
      parts.push(part.length);
      return part.buffer as ArrayBuffer;
    });
    for (let sent = 0; sent < 20_000; sent += length) await sender.send(new Uint8Array(length));
    sender.flush();
    expect(parts[0]).toBeGreaterThanOrEqual(512);
  });

  it('is all there is of a shorter stream', async () => {
    const parts: number[] = [];
    const sender = new PartSender(async (part) => {
      parts.push(part.length);
      return part.buffer as ArrayBuffer;
    });
    await sender.send(new Uint8Array(7));
    sender.flush();
    expect(parts).toEqual([7]);
  });
});
