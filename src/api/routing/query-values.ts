import { LayerslayerError } from '../../base/errors.js';
import { quoteName } from '../../base/text/quote-name.js';
import { textOfBytes } from '../../base/text/raw-text.js';

/**
 * Returns the parameters of a query. Percent-encoded bytes need not be UTF-8: in the values they
 * are surrogates (base/text/raw-text.ts), as in arguments of the command line. (WHATWG URL,
 * application/x-www-form-urlencoded)
 * @param query without `?`
 * @throws LayerslayerError INVALID_ARGUMENT for a parameter that is given twice, a `%` without two
 *   digits, or a NUL
 */
export function queryValues(query: string): Record<string, string> {
  const values = new Map<string, string>();
  for (const part of query.split('&')) {
    if (part === '') continue;
    const at = part.indexOf('=');
    const name = decoded(at === -1 ? part : part.slice(0, at));
    if (values.has(name)) throw invalid(`parameter ${quoteName(Buffer.from(name))} is given twice`);
    values.set(name, at === -1 ? '' : decoded(part.slice(at + 1)));
  }
  return Object.fromEntries(values);
}

const PERCENT = 0x25;
const PLUS = 0x2b;
const SPACE = 0x20;

function decoded(text: string): string {
  const bytes = Buffer.from(text);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    let byte = bytes[at]!;
    if (byte === PLUS) byte = SPACE;
    if (byte === PERCENT) {
      const digits = bytes.toString('latin1', at + 1, at + 3);
      if (!/^[\da-f]{2}$/i.test(digits)) throw invalid('a % in the query without two hex digits');
      byte = Number.parseInt(digits, 16);
      at += 2;
    }
    if (byte === 0) throw invalid('a NUL in the query');
    bytes[length++] = byte;
  }
  return textOfBytes(bytes.subarray(0, length));
}

function invalid(message: string): LayerslayerError {
  return new LayerslayerError('INVALID_ARGUMENT', message);
}
