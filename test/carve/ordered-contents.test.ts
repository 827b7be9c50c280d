import { describe, expect, it } from 'vitest';
import { OrderedContents } from '#src/carve/output/ordered-contents.js';

/** A content of one letter, and what was done with it. */
function contentsOf(
  order: string,
  failed = (_: string, error: unknown) => void expect(error).toBeUndefined(),
) {
  const done: string[] = [];
  const contents = new OrderedContents([...order], failed);
  const give = (key: string, fault?: Error) =>
    contents.set(key, [
      {
        async write() {
          if (fault) throw fault;
          done.push(key);
        },
        discard: () => void done.push(`-${key}`),
      },
    ]);
  return { contents, give, done };
}

describe('ordered contents', () => {
  it('wait for those before them, and are discarded after their last turn', async () => {
    const { contents, give, done } = contentsOf('abac');
    give('c');
    give('b');
    await contents.writeReady();
    expect(done).toEqual([]);
    give('a');
    await contents.writeReady();
    expect(done).toEqual(['a', 'b', '-b', 'a', '-a', 'c', '-c']);
    contents.discard();
    expect(done).toHaveLength(7);
  });

  it('continue after a key without contents, and after a fault of one content', async () => {
    const faults: string[] = [];
    const { contents, give, done } = contentsOf('abc', (key) => void faults.push(key));
    contents.set('a', []);
    give('b', new Error('unreadable'));
    give('c');
    await contents.writeReady();
    expect([done, faults]).toEqual([['-b', 'c', '-c'], ['b']]);
  });

  it('are written past what never came, when the search has failed', async () => {
    const { contents, give, done } = contentsOf('abc');
    give('c');
    await contents.writeRest();
    expect(done).toEqual(['c', '-c']);
  });

  it('end with a fault that ends all: nothing is written after it', async () => {
    const fault = new Error('no registry');
    const { contents, give, done } = contentsOf('ab', (_, error) => {
      throw error;
    });
    give('a', fault);
    give('b');
    await expect(contents.writeReady()).rejects.toBe(fault);
    await contents.writeRest();
    expect(done).toEqual([]);
    contents.discard();
    expect(done).toEqual(['-a', '-b']);
  });
});
