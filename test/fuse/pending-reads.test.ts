import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { OPCODE } from '#src/fuse/dev-fuse/opcode.js';
import { PendingReads } from '#src/fuse/pending-reads.js';
import { MemoryFs } from './memory-fs.js';
import { until } from './mounting.js';
import { interruptBody, newDispatcher, readBody, requestBytes } from './wire-request.js';

const { EAGAIN, EINTR, EINVAL, EIO } = constants.errno;

/** A file whose reads wait until the test settles them. */
function waiting(readDeadlineMs?: number) {
  const fs = new MemoryFs();
  const reads: {
    resolve: (data: Uint8Array) => void;
    reject: (error: unknown) => void;
    signal: AbortSignal;
  }[] = [];
  const inode = fs.device(fs.root, 'f', 1e9, (_offset, _length, signal) => {
    return new Promise((resolve, reject) => reads.push({ resolve, reject, signal: signal! }));
  });
  const made = newDispatcher(fs, { readDeadlineMs });
  const read = (unique: bigint) =>
    made.feed(requestBytes(OPCODE.READ, { unique, inode, body: readBody(0, 4096) }));
  const interrupt = (unique: bigint) =>
    made.feed(requestBytes(OPCODE.INTERRUPT, { unique: unique + 1n, body: interruptBody(unique) }));
  return { ...made, reads, read, interrupt };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('answers come in the order the bytes do, each with its own number', async () => {
  const { read, reads, replies } = waiting();
  expect(read(2n)).toEqual([]);
  expect(read(4n)).toEqual([]);
  reads[1]!.resolve(Buffer.from('four'));
  await turn();
  reads[0]!.resolve(Buffer.from('two'));
  await turn();
  expect(replies.map(({ unique, body }) => [unique, body.toString()])).toEqual([
    [4n, 'four'],
    [2n, 'two'],
  ]);
  expect(reads.some(({ signal }) => signal.aborted)).toBe(false);
});

test('a fault is an errno, and in the log', async () => {
  const { read, reads, replies, log } = waiting();
  read(2n);
  reads[0]!.reject(new LayerslayerError('DIGEST_MISMATCH', 'page 3 of sha256:ab…'));
  await turn();
  expect(replies).toEqual([{ unique: 2n, error: -EIO, body: Buffer.alloc(0) }]);
  expect(log).toEqual(['error: reading /f at 0: page 3 of sha256:ab…']);
});

test('more bytes than asked for, late', async () => {
  const { read, reads, replies } = waiting();
  read(2n);
  reads[0]!.resolve(Buffer.alloc(4097));
  await turn();
  expect(replies).toMatchObject([{ error: -EIO }]);
});

test('an interrupted read gets EINTR at once, its work is aborted, and what comes later is dropped', async () => {
  const { read, interrupt, reads, replies, log } = waiting();
  read(2n);
  read(4n);
  expect(interrupt(2n)).toMatchObject([{ unique: 2n, error: -EINTR }]);
  expect(reads.map(({ signal }) => signal.aborted)).toEqual([true, false]);
  reads[0]!.resolve(Buffer.from('late'));
  reads[1]!.resolve(Buffer.from('four'));
  await turn();
  expect(replies.map(({ unique }) => unique)).toEqual([2n, 4n]);
  expect(log).toEqual([]); // no fault
});

test('an interrupt that overtakes its request is asked to come again', () => {
  const { read, interrupt } = waiting();
  expect(interrupt(2n)).toMatchObject([{ unique: 3n, error: -EAGAIN }]);
  read(2n);
  expect(interrupt(2n)).toMatchObject([{ unique: 2n, error: -EINTR }]);
  expect(interrupt(2n)).toMatchObject([{ error: -EAGAIN }]); // the kernel then says ENOENT
});

test('an interrupt without an argument', () => {
  expect(waiting().feed(requestBytes(OPCODE.INTERRUPT))).toMatchObject([{ error: -EINVAL }]);
});

test('whatever the file system does, a read is answered by the deadline, each by its own', async () => {
  const { read, reads, replies, log } = waiting(30);
  read(2n);
  await until(() => replies.length === 1);
  read(4n);
  read(6n);
  await until(() => replies.length === 3);
  expect(replies.map(({ unique, error }) => [unique, error])).toEqual([
    [2n, -EIO],
    [4n, -EIO],
    [6n, -EIO],
  ]);
  expect(reads.every(({ signal }) => signal.aborted)).toBe(true);
  expect(log[0]).toContain('no answer within 0.03 s');
  reads[0]!.reject(new Error('late'));
  await turn();
  expect(replies).toHaveLength(3);
});

test('a read that was answered in time is not answered again at the deadline', async () => {
  const { read, reads, replies } = waiting(30);
  read(2n);
  read(4n);
  reads[0]!.resolve(Buffer.from('in time'));
  await until(() => replies.length === 2);
  expect(replies).toMatchObject([
    { unique: 2n, error: 0 },
    { unique: 4n, error: -EIO },
  ]);
});

test('at the end of the mount all work is aborted', () => {
  const { read, reads, dispatcher } = waiting();
  read(2n);
  read(4n);
  dispatcher.close();
  expect(reads.map(({ signal }) => signal.aborted)).toEqual([true, true]);
});

test('a read that is repeated right after it has failed slowly fails at once, others wait', async () => {
  const pending = new PendingReads(60, 40);
  const never = new Promise<Uint8Array>(() => {});
  let unique = 0;
  const ask = (inode: number, pid = 100) => {
    const controller = new AbortController();
    const asked: { controller: AbortController; error?: unknown } = { controller };
    const fail = (error: unknown) => {
      asked.error = error;
    };
    pending.add(++unique, { inode, pid }, never, controller, () => expect.fail('nothing came'), fail);
    return asked;
  };
  const first = ask(7);
  await until(() => first.error !== undefined);
  const again = ask(7);
  expect(again.error).toBe(first.error);
  expect(again.controller.signal.aborted).toBe(true);
  const other = ask(8);
  const others = [other, ask(7, 101), ask(7, 0)];
  expect(others.map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
  expect(pending.size).toBe(3);
  await until(() => other.error !== undefined);
  const later = ask(7); // 60 ms after the first
  expect(later.error).toBeUndefined();
  pending.abortAll();
});

test('a read that failed fast is tried again', async () => {
  const { read, reads, replies } = waiting();
  read(2n);
  reads[0]!.reject(new LayerslayerError('REGISTRY_UNAVAILABLE', 'got 503'));
  await turn();
  read(4n);
  reads[1]!.resolve(Buffer.from('now'));
  await turn();
  expect(replies.map(({ unique, error }) => [unique, error])).toEqual([
    [2n, -EIO],
    [4n, 0],
  ]);
});
