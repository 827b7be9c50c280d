import { describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { MAX_PART_SIZE, VerifiedParts } from '#src/engine/inflate/unverified/verified-parts.js';

const MIB = 1024 * 1024;

/** Parts whose bytes are all `value`; each is made after its gate, if it has one. */
function setUp() {
  const parts = new VerifiedParts();
  const made: string[] = [];
  const use = async (key: string, size: number, gate?: Promise<unknown>, signal?: AbortSignal) => {
    let first = -1;
    await parts.use(
      key,
      async (room, stop) => {
        const target = await room(size);
        made.push(key);
        await gate;
        stop.throwIfAborted();
        return target.fill(key.charCodeAt(0));
      },
      (bytes) => {
        expect(bytes.length).toBe(size);
        expect(bytes.every((byte) => byte === bytes[0])).toBe(true);
        first = bytes[0]!;
      },
      signal,
    );
    return String.fromCharCode(first);
  };
  return { parts, made, use };
}

const gateOf = () => {
  let open!: () => void;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, gate };
};

describe('verified parts', () => {
  it('are made once, and again when they were evicted: 16 MiB are cached', async () => {
    const { parts, made, use } = setUp();
    for (const key of ['a', 'b', 'c', 'd']) expect(await use(key, 4 * MIB)).toBe(key);
    expect(await use('a', 4 * MIB)).toBe('a');
    expect(made.length).toBe(4);
    expect(await use('e', 4 * MIB)).toBe('e'); // evicts b
    expect(parts.bytes).toBe(16 * MIB);
    for (const key of ['a', 'c', 'd', 'e', 'b']) expect(await use(key, 4 * MIB)).toBe(key);
    expect(made.join('')).toBe('abcdeb');
  });

  it('of 64 MiB are cached alone', async () => {
    const { parts, made, use } = setUp();
    await use('a', MIB);
    await use('b', MAX_PART_SIZE);
    expect(parts.bytes).toBe(MAX_PART_SIZE);
    await use('b', MAX_PART_SIZE);
    await use('a', MIB);
    expect([made.join(''), parts.bytes]).toEqual(['aba', MIB]);
  });

  it('are made once for all that wait, also if one of these leaves', async () => {
    const { made, use } = setUp();
    const { open, gate } = gateOf();
    const leaving = new AbortController();
    const reason = new LayerslayerError('ABORTED', 'left');
    const reads = [use('a', 10, gate, leaving.signal), use('a', 10, gate), use('a', 10, gate)];
    leaving.abort(reason);
    await expect(reads[0]).rejects.toBe(reason);
    open();
    expect(await Promise.all(reads.slice(1))).toEqual(['a', 'a']);
    expect(made).toEqual(['a']);
  });

  it('end when the last one leaves, and are made again for the next one', async () => {
    const { parts, made, use } = setUp();
    const { open, gate } = gateOf();
    const leaving = new AbortController();
    const left = use('a', 10, gate, leaving.signal);
    leaving.abort(new LayerslayerError('ABORTED', 'left'));
    await expect(left).rejects.toMatchObject({ code: 'ABORTED' });
    const next = use('a', 10);
    expect(await next).toBe('a');
    open();
    await new Promise(setImmediate);
    expect(made).toEqual(['a', 'a']);
    expect(parts.bytes).toBe(4096);
  });

  it('are cached once when a flight continues after its last reader left', async () => {
    const { parts, use } = setUp();
    const { open, gate } = gateOf();
    const leaving = new AbortController();
    const deaf = parts.use(
      'a',
      async (room) => {
        const target = await room(10);
        await gate;
        return target;
      },
      () => {},
      leaving.signal,
    );
    leaving.abort(new LayerslayerError('ABORTED', 'left'));
    await expect(deaf).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await use('a', 10)).toBe('a');
    open();
    await new Promise(setImmediate);
    expect(parts.bytes).toBe(4096);
  });

  it('wait for memory in turn, and no longer than their readers', async () => {
    const { parts, made, use } = setUp();
    const { open, gate } = gateOf();
    const leaving = new AbortController();
    const first = use('a', 40 * MIB, gate);
    const small = use('b', 10 * MIB, gate);
    const large = use('c', 40 * MIB);
    const left = use('d', 40 * MIB, undefined, leaving.signal);
    const last = use('e', 40 * MIB);
    await new Promise(setImmediate);
    expect([made.join(''), parts.bytes]).toEqual(['ab', 50 * MIB]);
    leaving.abort(new LayerslayerError('ABORTED', 'left'));
    await expect(left).rejects.toMatchObject({ code: 'ABORTED' });
    open();
    expect(await Promise.all([first, small, large, last])).toEqual(['a', 'b', 'c', 'e']);
    expect(made.join('')).toBe('abce');
    expect(parts.bytes).toBeLessThanOrEqual(MAX_PART_SIZE);
  });

  it('that fail do so for all that wait, take no memory, and are tried again', async () => {
    const { parts, use } = setUp();
    const fault = new LayerslayerError('REGISTRY_UNAVAILABLE', 'no answer');
    const fail = () =>
      parts.use(
        'a',
        async (room) => {
          await room(MIB);
          throw fault;
        },
        () => {},
      );
    const results = await Promise.allSettled([fail(), fail()]);
    expect(results).toEqual([1, 2].map(() => ({ status: 'rejected', reason: fault })));
    expect(parts.bytes).toBe(0);
    expect(await use('a', MIB)).toBe('a');
  });

  it('are passed to all that wait, also if one of these throws', async () => {
    const { parts, use } = setUp();
    const { open, gate } = gateOf();
    const waiting = use('a', 10, gate);
    const throwing = parts.use(
      'a',
      async () => new Uint8Array(0),
      () => {
        throw new Error('mine');
      },
    );
    open();
    await expect(throwing).rejects.toThrow('mine');
    expect(await waiting).toBe('a');
  });
});
