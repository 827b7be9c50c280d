import { unsupported } from '../base/errors.js';
import { type Digest, isDigest } from './digest.js';
import {
  isJsonObject,
  type JsonObject,
  keyList,
  ownField,
  parseJsonObject,
  stringField,
  stringList,
  stringMap,
} from './json.js';
import type { Platform } from './platform.js';

/** A config as plain data (OCI image-spec, config.md). Missing fields are absent or empty. */
export interface ImageConfig extends Partial<Platform> {
  created?: string; // RFC 3339
  author?: string;
  diffIds: Digest[]; // one a layer, base first
  history: HistoryStep[]; // first step first
  container: ContainerConfig;
}

/** One build step. A step that is not `emptyLayer` made the next layer. */
export interface HistoryStep {
  created?: string;
  createdBy?: string; // the command
  comment?: string;
  author?: string;
  emptyLayer: boolean;
}

/** How to run a container of the image: the document's `config`. */
export interface ContainerConfig {
  user?: string;
  env: string[]; // NAME=value
  entrypoint?: string[];
  cmd?: string[];
  workingDir?: string;
  exposedPorts: string[]; // 80/tcp
  volumes: string[];
  labels: Record<string, string>;
  stopSignal?: string;
  shell?: string[];
}

/** Bytes. Real configs have up to hundreds of KiB. Larger ones are rejected unfetched. */
export const CONFIG_SIZE_MAX = 8 * 1024 * 1024;

/**
 * Parses a config. A field of the wrong type counts as absent, as in other tools.
 * @param what names it in messages, as `config sha256:ab…`
 * @throws LayerslayerError UNSUPPORTED as `parseJsonObject`, and for diff_ids that are no digests
 */
export function parseImageConfig(bytes: Uint8Array, what: string): ImageConfig {
  const body = parseJsonObject(bytes, what, CONFIG_SIZE_MAX);
  const rootfs = ownField(body, 'rootfs');
  const history = ownField(body, 'history');
  const container = ownField(body, 'config');
  return {
    ...strings(body, { os: 'os', architecture: 'architecture', variant: 'variant', osVersion: 'os.version' }),
    ...strings(body, { created: 'created', author: 'author' }),
    diffIds: parseDiffIds(isJsonObject(rootfs) ? ownField(rootfs, 'diff_ids') : undefined, what),
    history: Array.isArray(history) ? history.filter(isJsonObject).map(parseHistoryStep) : [],
    container: parseContainer(isJsonObject(container) ? container : {}),
  };
}

function parseDiffIds(value: unknown, what: string): Digest[] {
  if (!Array.isArray(value)) return [];
  return value.map((diffId, number) => {
    if (isDigest(diffId)) return diffId;
    throw unsupported(`${what}: diff_id ${number + 1} is not a sha256 or sha512 digest`);
  });
}

function parseHistoryStep(step: JsonObject): HistoryStep {
  return {
    ...strings(step, { created: 'created', createdBy: 'created_by', comment: 'comment', author: 'author' }),
    emptyLayer: ownField(step, 'empty_layer') === true,
  };
}

function parseContainer(container: JsonObject): ContainerConfig {
  const entrypoint = stringList(container, 'Entrypoint');
  const cmd = stringList(container, 'Cmd');
  const shell = stringList(container, 'Shell');
  return {
    ...strings(container, { user: 'User', workingDir: 'WorkingDir', stopSignal: 'StopSignal' }),
    env: stringList(container, 'Env') ?? [],
    ...(entrypoint && { entrypoint }),
    ...(cmd && { cmd }),
    exposedPorts: keyList(container, 'ExposedPorts'),
    volumes: keyList(container, 'Volumes'),
    labels: stringMap(container, 'Labels') ?? {},
    ...(shell && { shell }),
  };
}

/** Returns the non-empty strings of `object`, under our names. */
function strings<K extends string>(object: JsonObject, names: Record<K, string>): Partial<Record<K, string>> {
  const found: Partial<Record<K, string>> = {};
  for (const name of Object.keys(names) as K[]) {
    const value = stringField(object, names[name]);
    if (value) found[name] = value;
  }
  return found;
}
