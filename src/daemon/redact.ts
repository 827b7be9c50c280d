import { asLayerslayerError, LayerslayerError } from '../base/errors.js';

/** Shorter secrets are left alone: replacing every `a` of a text would hide what happened and protect nothing. */
const SHORTEST_SECRET = 4; // characters

const HIDDEN = '***';

/**
 * A last line of defence before text reaches a log file or a terminal: messages are written without secrets, yet the
 * text of a system error or of a registry's answer may repeat what was sent. Hides the given secrets (also in the
 * base64 form of basic credentials), credentials in URLs and headers, and query strings, which carry the signature of
 * a redirect.
 */
export function redactor(registry: {
  username?: string;
  password?: string;
  token?: string;
}): (text: string) => string {
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
  return (text) => {
    for (const secret of all) text = text.replaceAll(secret, HIDDEN);
    return redactPatterns(text);
  };
}

function redactPatterns(text: string): string {
  return text
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/?#@"']+@/gi, `$1${HIDDEN}@`)
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s?#"'<>]*)\?[^\s"'<>]*/gi, `$1?${HIDDEN}`)
    .replace(/(\bauthorization["']?\s*[:=]\s*["']?(?:bearer|basic)\s+)[^\s"',]+/gi, `$1${HIDDEN}`)
    .replace(/\beyJ[\w-]{8,}\.[\w-]+(\.[\w-]+)?/g, HIDDEN); // a JSON web token, as registries hand out
}

/** The error as it may be shown: its code, and message and stack without secrets. */
export function redactedError(error: unknown, redact: (text: string) => string): LayerslayerError {
  const { code, message, stack } = asLayerslayerError(error);
  const told = new LayerslayerError(code, redact(message));
  told.stack = redact(stack ?? '');
  return told;
}
