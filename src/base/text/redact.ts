import { asLayerslayerError, LayerslayerError } from '../errors.js';

/** Shorter secrets stay: replacing every `a` would hide a text's meaning. */
const SHORTEST_SECRET = 4; // characters

const HIDDEN = '***';

/** Characters of a message. It contains untrusted names of any length. */
const MESSAGE_MAX = 2 * 1024;
/** A stack is a dozen lines below its message. */
const STACK_MAX = 8 * 1024;
/** Minimum characters searched beyond the cut, so that a secret at the cut is found whole. */
const MARGIN = 4 * 1024;

/** @param max characters of the result; default: a message's limit */
export type Redact = (text: string, max?: number) => string;

/**
 * Returns a filter for text before it reaches a log file or a terminal. Our messages have no
 * secrets, but the text of a system error or of a registry's answer may repeat what was sent. Hides
 * the given secrets (also in the base64 form of basic credentials), credentials in URLs and
 * headers, and query strings, which have the signature of a redirect. The text is cut first, so
 * that a registry can't choose the duration. The time is linear.
 */
export function redactor(registry: { username?: string; password?: string; token?: string }): Redact {
  const secrets = [registry.password, registry.token].filter(
    (secret): secret is string => secret !== undefined,
  );
  if (registry.username !== undefined && registry.password !== undefined) {
    secrets.push(Buffer.from(`${registry.username}:${registry.password}`).toString('base64'));
  }
  const encoded = secrets.map(encodeURIComponent).filter((form) => !secrets.includes(form));
  const all = [...secrets, ...encoded]
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    // The longest first: a secret that contains another one must not be left in part.
    .sort((a, b) => b.length - a.length);
  const margin = Math.max(MARGIN, all[0]?.length ?? 0);
  return (text, max = MESSAGE_MAX) => {
    let shown = text.slice(0, max + margin);
    for (const secret of all) shown = shown.replaceAll(secret, HIDDEN);
    return cut(redactPatterns(shown), max);
  };
}

function cut(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max - 1)}…` : text;
}

/**
 * Finds words first, in one pass each, then searches inside them. An expression that restarts at
 * each position of a long word takes quadratic time.
 */
function redactPatterns(text: string): string {
  return text
    .replace(/[^\s"'<>]+/g, redactUrl)
    .replace(/(\bauthorization["']?\s*[:=]\s*["']?(?:bearer|basic)\s+)[^\s"',]+/gi, `$1${HIDDEN}`)
    .replace(/[\w.-]+/g, redactWebTokens);
}

const SCHEME_END = '://';

/** Hides credentials in a word's URLs, and everything after the first `?`. */
function redactUrl(word: string): string {
  const first = word.indexOf(SCHEME_END);
  if (first === -1 || !/[a-z0-9+.-]$/i.test(word.slice(0, first))) return word;
  const query = word.indexOf('?', first);
  const path = query === -1 ? word : word.slice(0, query);
  const [scheme, ...rest] = path.split(SCHEME_END);
  const shown = rest.map((part) => {
    const at = part.slice(0, authorityLength(part)).lastIndexOf('@');
    return at > 0 ? `${HIDDEN}${part.slice(at)}` : part;
  });
  return [scheme, ...shown].join(SCHEME_END) + (query === -1 ? '' : `?${HIDDEN}`);
}

function authorityLength(part: string): number {
  const end = part.search(/[/#]/);
  return end === -1 ? part.length : end;
}

/** Hides JSON web tokens, as registries issue them: `eyJ….eyJ….….` */
function redactWebTokens(word: string): string {
  const parts = word.split('.');
  const shown: string[] = [];
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    const start = part.search(/(?<!\w)eyJ[\w-]{8}/);
    const isToken = start !== -1 && parts[i + 1]; // header and claims, perhaps a signature
    shown.push(isToken ? `${part.slice(0, start)}${HIDDEN}` : part);
    if (isToken) i += parts[i + 2] ? 2 : 1;
  }
  return shown.join('.');
}

/** Returns the error with its code, and message and stack without secrets. */
export function redactedError(error: unknown, redact: Redact): LayerslayerError {
  const { code, message, stack } = asLayerslayerError(error);
  const shown = new LayerslayerError(code, redact(message));
  shown.stack = redact(stack ?? '', STACK_MAX);
  return shown;
}
