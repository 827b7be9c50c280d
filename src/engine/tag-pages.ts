import { unsupported } from '../base/errors.js';
import type { TagPage } from '../source/image-source.js';

/** Tags of one repository, and their characters. The largest repositories have some 100,000. */
const TAGS_MAX = 1_000_000;
const TAGS_LENGTH_MAX = 64 * 1024 * 1024;
/** Pages in a row that have no new tag. Registries that filter a list send some empty pages. */
const PAGES_WITHOUT_TAGS_MAX = 100;

/**
 * Yields all tags of a repository page by page, each tag once. A list that leads in a circle ends.
 * @param reference names the list in messages
 * @param readPage returns a page; `next` is undefined for the first one
 * @throws LayerslayerError UNSUPPORTED past the limits: a shorter list would pass for all tags
 */
export async function* allTags(
  reference: string,
  readPage: (next: string | undefined) => Promise<TagPage>,
): AsyncGenerator<string[], void, undefined> {
  const known = new Set<string>();
  const asked = new Set<string>();
  let length = 0;
  let withoutTags = 0;
  let next: string | undefined;
  do {
    if (next !== undefined) asked.add(next);
    const page = await readPage(next);
    const tags: string[] = [];
    for (const tag of page.tags) {
      if (known.has(tag)) continue;
      known.add(tag);
      tags.push(tag);
      length += tag.length;
    }
    withoutTags = tags.length === 0 ? withoutTags + 1 : 0;
    if (known.size > TAGS_MAX || length > TAGS_LENGTH_MAX)
      throw unsupported(`listing tags of ${reference}: more than ${TAGS_MAX} tags, or 64 MiB of them`);
    if (tags.length > 0) yield tags;
    if (withoutTags > PAGES_WITHOUT_TAGS_MAX)
      throw unsupported(`listing tags of ${reference}: ${withoutTags} pages in a row have no new tag`);
    next = page.next;
  } while (next !== undefined && !asked.has(next));
}
