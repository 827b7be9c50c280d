import { unsupported } from '../base/errors.js';

/**
 * JSON from an untrusted source. Code copies only known fields out of it, so that neither its depth
 * nor its keys (`__proto__`) reach our own objects.
 */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * @param what names the document in the message, as `manifest sha256:ab…`
 * @param sizeMax bytes; default: any
 * @throws LayerslayerError UNSUPPORTED unless the bytes are UTF-8 of one JSON object
 */
export function parseJsonObject(bytes: Uint8Array, what: string, sizeMax?: number): JsonObject {
  const value = parseJson(bytes, what, sizeMax);
  if (!isJsonObject(value)) throw unsupported(`${what} is not a JSON object`);
  return value;
}

/** As `parseJsonObject`, for a document that may be any value. */
export function parseJson(bytes: Uint8Array, what: string, sizeMax = Number.POSITIVE_INFINITY): unknown {
  if (bytes.length > sizeMax) {
    throw unsupported(`${what} has ${bytes.length} bytes, over the limit of ${sizeMax}`);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw unsupported(`${what} is not JSON`, { cause: error });
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function stringField(object: JsonObject, key: string): string | undefined {
  const value = ownField(object, key);
  return typeof value === 'string' ? value : undefined;
}

/** Returns the strings of a list; undefined if there is no list. */
export function stringList(object: JsonObject, key: string): string[] | undefined {
  const value = ownField(object, key);
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : undefined;
}

/** Returns the string values of a map; undefined if there is no map. */
export function stringMap(object: JsonObject, key: string): Record<string, string> | undefined {
  const value = ownField(object, key);
  if (!isJsonObject(value)) return undefined;
  // fromEntries defines own properties, even for `__proto__`. An assignment would not.
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** Returns the keys of a map. Docker writes sets as `{"80/tcp": {}}`. */
export function keyList(object: JsonObject, key: string): string[] {
  const value = ownField(object, key);
  return isJsonObject(value) ? Object.keys(value) : [];
}

/**
 * Returns a field of the document itself, never of Object.prototype. null and "" count as absent,
 * as in tools written in Go.
 */
export function ownField(object: JsonObject, key: string): unknown {
  const value = Object.hasOwn(object, key) ? object[key] : undefined;
  return value === null || value === '' ? undefined : value;
}
