import { Turns } from '../../../base/tasks/turns.js';
import { CONTENT_HEADERS } from '../../answers/content-headers.js';
import type { Headers, Reply } from '../../routing/route.js';

/** Characters of a block. */
const BLOCK_SIZE = 64 * 1024;

/** Names come from images: a browser must not take the text for a page. */
const TEXT_HEADERS: Headers = {
  ...CONTENT_HEADERS,
  'Content-Type': 'text/plain; charset=utf-8',
  'Cache-Control': 'no-store',
};

/** Some lines that are sent at once, each with its newline. */
export type TextBlocks = AsyncGenerator<string, void, undefined>;

/**
 * Returns an answer that is sent as its blocks come. A fault before the first block becomes the
 * status; a later one cuts the connection.
 */
export function textReply(blocks: TextBlocks): Reply {
  return { kind: 'bytes', headers: TEXT_HEADERS, length: undefined, bytes: encoded(blocks) };
}

async function* encoded(blocks: TextBlocks): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const block of blocks) yield Buffer.from(block);
}

/**
 * Returns lines as blocks. Memory does not grow with their number.
 * @throws the signal's reason
 */
export async function* blocksOf(lines: Iterable<string | undefined>, signal: AbortSignal): TextBlocks {
  let block = '';
  const turns = new Turns(signal);
  for (const line of lines) {
    if (line !== undefined) block += `${line}\n`;
    if (!turns.isDue && block.length < BLOCK_SIZE) continue;
    if (block !== '') yield block;
    block = '';
    await turns.due();
  }
  if (block !== '') yield block;
}
