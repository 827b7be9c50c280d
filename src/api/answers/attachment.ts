import { printableName } from '../../base/text/printable-name.js';

/** Returns a `Content-Disposition` with the name as a browser saves it. (RFC 6266, RFC 8187) */
export function attachment(name: Uint8Array): string {
  const plain = printableName(name).replace(/[^\w.+-]/g, '_');
  const encoded = Array.from(name, (byte) => {
    const letter = String.fromCharCode(byte);
    return /[\w.-]/.test(letter) ? letter : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`;
  }).join('');
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
