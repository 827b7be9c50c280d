import { describe, expect, it } from 'vitest';
import { allTags } from '#src/engine/tag-pages.js';
import type { TagPage } from '#src/source/image-source.js';

async function listed(pageOf: (next: string | undefined) => TagPage) {
  const asked: (string | undefined)[] = [];
  const pages: string[][] = [];
  const list = allTags('host/app', async (next) => {
    asked.push(next);
    return pageOf(next);
  });
  for await (const page of list) pages.push(page);
  return { asked, pages };
}

describe('all tags of a repository', () => {
  it('come page by page, each tag once', async () => {
    const pages: Record<string, TagPage> = {
      first: { tags: ['b', 'a', 'b'], next: '2' },
      2: { tags: ['a'], next: '3' },
      3: { tags: ['c', 'b'] },
    };
    const { asked, pages: found } = await listed((next) => pages[next ?? 'first']!);
    expect(found).toEqual([['b', 'a'], ['c']]);
    expect(asked).toEqual([undefined, '2', '3']);
  });

  it('end where the pages lead in a circle', async () => {
    const { asked, pages } = await listed((next) => ({
      tags: [`after ${next}`],
      next: next === '1' ? '2' : '1',
    }));
    expect(pages.flat()).toEqual(['after undefined', 'after 1', 'after 2']);
    expect(asked).toEqual([undefined, '1', '2']);
  });

  it('of an endless list are an error, not a short list', async () => {
    let count = 0;
    const same = listed(() => ({ tags: ['a'], next: String(count++) }));
    await expect(same).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: 'listing tags of host/app: 101 pages in a row have no new tag',
    });
    expect(count).toBe(102);
    const long = listed(() => ({ tags: [String(count++) + 'x'.repeat(4_000_000)], next: String(count) }));
    await expect(long).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('more than'),
    });
  });
});
