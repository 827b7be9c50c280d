import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { blocksOf, textReply } from '#src/api/routes/first-tool/text-reply.js';
import { sendChunks } from '#src/api/routing/send.js';

const LINE = 'x'.repeat(99);

/** Counts the lines that were made, without end. */
class EndlessLines {
  made = 0;
  isEnded = false;

  *[Symbol.iterator](): Generator<string | undefined, void, undefined> {
    try {
      for (;;) {
        this.made++;
        yield this.made % 2 === 0 ? LINE : undefined;
      }
    } finally {
      this.isEnded = true;
    }
  }
}

describe('blocks of lines', () => {
  it('have each line once, with its newline', async () => {
    const lines = Array.from({ length: 1_234 }, (_, i) => (i % 7 === 0 ? undefined : String(i)));
    let text = '';
    for await (const block of blocksOf(lines, AbortSignal.timeout(10_000))) text += block;
    expect(text).toBe(
      lines
        .filter((line) => line !== undefined)
        .map((line) => `${line}\n`)
        .join(''),
    );
  });

  it('end when the signal is aborted', async () => {
    const lines = new EndlessLines();
    const controller = new AbortController();
    const read = async () => {
      for await (const block of blocksOf(lines, controller.signal)) {
        expect(block.length).toBeLessThan(100_000);
        controller.abort(new Error('enough'));
      }
    };
    await expect(read()).rejects.toThrow('enough');
    expect(lines.isEnded).toBe(true);
  });
});

describe('a listing without end', () => {
  it('is made as the client reads it, and ends when the client goes away', async () => {
    const lines = new EndlessLines();
    const reply = textReply(blocksOf(lines, AbortSignal.timeout(60_000)));
    if (reply.kind !== 'bytes') throw new Error(reply.kind);
    const { headers, bytes } = reply;
    const limits = {
      stallMs: 30_000,
      maxBytes: 1e12,
      signal: AbortSignal.timeout(60_000),
      onStart() {},
      onFault() {},
    };
    const serve = (_: unknown, outgoing: ServerResponse) =>
      sendChunks(outgoing, { status: 200, headers }, bytes, limits);
    const server = createServer((incoming, outgoing) => void serve(incoming, outgoing));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'readable'); // and is not read
    let before = -1;
    await vi.waitFor(
      () => {
        const isStill = lines.made === before;
        before = lines.made;
        expect(isStill).toBe(true);
      },
      { timeout: 10_000, interval: 200 },
    );
    expect(lines.made * LINE.length).toBeLessThan(50 * 1024 ** 2); // the system's buffers, not the heap
    expect(lines.isEnded).toBe(false);
    socket.destroy();
    await vi.waitFor(() => expect(lines.isEnded).toBe(true), { timeout: 1_000 });
    server.close();
  });
});
