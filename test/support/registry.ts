import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Basic credentials of a registry that was started with `auth: true`. */
export const REGISTRY_USER = 'ali';
export const REGISTRY_PASSWORD = 'open sesame';
/**
 * bcrypt of the password above, with cost 4 so that a request takes no CPU. The registry accepts no
 * other kind of hash.
 */
const HTPASSWD_LINE = `${REGISTRY_USER}:$2b$04$VmfENaaVtDv5vSXp1QWQduFbGokCoUmjnunE7Z8rgn4FpZxEToP/O`;

/**
 * The registry, with a watcher that ends it when descriptor 3 is closed: by `stop`, or by the
 * kernel when the test process is killed.
 */
const WATCHED_REGISTRY = '(read _ <&3; kill $$) & exec docker-registry serve "$1" 3<&-';

const START_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 5_000;

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
export const OCI_LAYER_GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip';
export const OCI_LAYER_ZSTD = 'application/vnd.oci.image.layer.v1.tar+zstd';
export const OCI_LAYER_TAR = 'application/vnd.oci.image.layer.v1.tar';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const DOCKER_CONFIG_TYPE = 'application/vnd.docker.container.image.v1+json';
export const DOCKER_LAYER_GZIP = 'application/vnd.docker.image.rootfs.diff.tar.gzip';

/**
 * A real registry (Debian's docker-registry) on a free loopback port, with its own storage
 * directory.
 */
export interface TestRegistry {
  readonly host: string; // `127.0.0.1:PORT`, as it stands in a reference
  readonly url: string; // `http://127.0.0.1:PORT`
  readonly authorization: string | undefined; // header value that it wants, when started with `auth: true`
  /** Ends the process and deletes its storage. */
  stop(): Promise<void>;
}

export async function startRegistry(options: { auth?: boolean } = {}): Promise<TestRegistry> {
  const directory = await mkdtemp(join(tmpdir(), 'layerslayer-registry-'));
  const htpasswd = join(directory, 'htpasswd');
  const config = join(directory, 'config.yml');
  await writeFile(htpasswd, `${HTPASSWD_LINE}\n`);
  await writeFile(
    config,
    [
      'version: 0.1',
      'log: { level: info, accesslog: { disabled: true } }',
      `storage: { filesystem: { rootdirectory: ${directory}/data }, delete: { enabled: true } }`,
      'http: { addr: "127.0.0.1:0", secret: test }',
      ...(options.auth ? [`auth: { htpasswd: { realm: test, path: ${htpasswd} } }`] : []),
    ].join('\n'),
  );
  // A file, not a pipe: a test that blocks in a child process would not drain it, and the registry
  // would stop.
  const log = join(directory, 'log');
  const stderr = openSync(log, 'w');
  const child = spawn('sh', ['-c', WATCHED_REGISTRY, 'sh', config], {
    stdio: ['ignore', 'ignore', stderr, 'pipe'],
  });
  closeSync(stderr);
  let ended = false;
  const exited = new Promise<void>((resolve) => {
    child.once('close', () => {
      ended = true;
      resolve();
    });
  });
  const stop = async () => {
    child.stdio[3]?.destroy();
    const kill = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
    await exited;
    clearTimeout(kill);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const host = await listeningAddress(log, () => ended);
    const authorization = options.auth ? basicAuthorization(REGISTRY_USER, REGISTRY_PASSWORD) : undefined;
    return { host, url: `http://${host}`, authorization, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

export function basicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/**
 * The registry chooses a free port and logs `listening on 127.0.0.1:PORT` once it accepts
 * connections.
 */
async function listeningAddress(log: string, ended: () => boolean): Promise<string> {
  const deadline = Date.now() + START_DEADLINE_MS;
  for (;;) {
    const text = await readFile(log, 'utf8');
    const found = /listening on (127\.0\.0\.1:\d+)/.exec(text)?.[1];
    if (found !== undefined) return found;
    if (ended()) throw new Error(`docker-registry ended: ${text}`);
    if (Date.now() > deadline) throw new Error(`docker-registry did not start: ${text}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Where to push: a registry, or a proxy before one. */
export interface PushTarget {
  readonly url: string;
  readonly authorization?: string | undefined;
}

export interface PushedBlob {
  digest: string;
  size: number;
}

export interface PushedManifest extends PushedBlob {
  mediaType: string;
  bytes: Buffer; // as pushed
}

export interface PushedImage extends PushedManifest {
  manifest: {
    schemaVersion: number;
    mediaType?: string;
    config: PushedBlob & { mediaType: string };
    layers: (PushedBlob & { mediaType: string })[];
  };
  config: Record<string, unknown>; // the image config as pushed
}

export interface LayerToPush {
  bytes: Uint8Array;
  mediaType?: string; // default by the bytes' magic: gzip, zstd or tar
  annotations?: Record<string, string>;
  diffId?: string; // default: sha256 of the bytes, gunzipped when they are gzip
}

export interface ImageToPush {
  layers: readonly (Uint8Array | LayerToPush)[];
  config?: Record<string, unknown>; // laid over the default config, key by key
  docker?: boolean; // docker media types instead of OCI's
  manifest?: Record<string, unknown>; // laid over the manifest, key by key
}

export function sha256(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/**
 * Pushes layers, config and manifest straight by HTTP.
 * @param reference `library/app:latest`; without a tag, the manifest is pushed by its digest
 */
export async function pushImage(
  target: PushTarget,
  reference: string,
  image: ImageToPush,
): Promise<PushedImage> {
  const { repository, tag } = splitReference(reference);
  const layers = await Promise.all(
    image.layers.map(async (given) => {
      const layer: LayerToPush = given instanceof Uint8Array ? { bytes: given } : given;
      const pushed = await pushBlob(target, repository, layer.bytes);
      return {
        descriptor: {
          mediaType: layer.mediaType ?? layerMediaType(layer.bytes, image.docker ?? false),
          ...pushed,
          ...(layer.annotations && { annotations: layer.annotations }),
        },
        diffId: layer.diffId ?? sha256(isGzip(layer.bytes) ? gunzipSync(layer.bytes) : layer.bytes),
      };
    }),
  );
  const config = {
    created: '2024-01-02T03:04:05Z',
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Env: ['PATH=/usr/local/bin:/usr/bin:/bin'], Cmd: ['/bin/sh'] },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map((_, number) => ({
      created: '2024-01-02T03:04:05Z',
      created_by: `RUN step-${number + 1}`,
    })),
    ...image.config,
  };
  const configBytes = Buffer.from(JSON.stringify(config));
  const configBlob = await pushBlob(target, repository, configBytes);
  const mediaType = image.docker ? DOCKER_MANIFEST : OCI_MANIFEST;
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: image.docker ? DOCKER_CONFIG_TYPE : OCI_CONFIG, ...configBlob },
    layers: layers.map((layer) => layer.descriptor),
    ...image.manifest,
  };
  const pushed = await pushManifest(target, repository, tag, manifest, mediaType);
  return { ...pushed, manifest, config };
}

/** Pushes an image index (or docker's manifest list) of manifests that the repository has. */
export async function pushIndex(
  target: PushTarget,
  reference: string,
  manifests: readonly {
    image: PushedManifest;
    platform?: Record<string, unknown>;
    annotations?: Record<string, string>;
  }[],
  options: { docker?: boolean } = {},
): Promise<PushedManifest> {
  const { repository, tag } = splitReference(reference);
  const mediaType = options.docker ? DOCKER_LIST : OCI_INDEX;
  const index = {
    schemaVersion: 2,
    mediaType,
    manifests: manifests.map(({ image, platform, annotations }) => ({
      mediaType: image.mediaType,
      digest: image.digest,
      size: image.size,
      ...(platform && { platform }),
      ...(annotations && { annotations }),
    })),
  };
  return pushManifest(target, repository, tag, index, mediaType);
}

export async function pushBlob(
  target: PushTarget,
  repository: string,
  bytes: Uint8Array,
): Promise<PushedBlob> {
  const digest = sha256(bytes);
  const opened = await send(target, 'POST', `/v2/${repository}/blobs/uploads/`, {});
  const location = new URL(opened.headers.get('location') ?? '', target.url);
  location.searchParams.set('digest', digest);
  await send(target, 'PUT', `${location.pathname}${location.search}`, {
    body: bytes,
    headers: { 'content-type': 'application/octet-stream' },
  });
  return { digest, size: bytes.byteLength };
}

/** @param manifest an object to write as JSON, or the bytes as they shall be */
export async function pushManifest(
  target: PushTarget,
  repository: string,
  tag: string | undefined,
  manifest: object | Uint8Array,
  mediaType: string,
): Promise<PushedManifest> {
  const bytes =
    manifest instanceof Uint8Array ? Buffer.from(manifest) : Buffer.from(JSON.stringify(manifest));
  const digest = sha256(bytes);
  await send(target, 'PUT', `/v2/${repository}/manifests/${tag ?? digest}`, {
    body: bytes,
    headers: { 'content-type': mediaType },
  });
  return { mediaType, digest, size: bytes.byteLength, bytes };
}

async function send(
  target: PushTarget,
  method: string,
  path: string,
  request: { body?: Uint8Array; headers?: Record<string, string> },
): Promise<Response> {
  const response = await fetch(new URL(path, target.url), {
    method,
    headers: { ...request.headers, ...(target.authorization && { authorization: target.authorization }) },
    ...(request.body && { body: new Uint8Array(request.body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: got ${response.status} ${text}`);
  return response;
}

function splitReference(reference: string): { repository: string; tag: string | undefined } {
  const colon = reference.lastIndexOf(':');
  if (colon <= reference.lastIndexOf('/')) return { repository: reference, tag: undefined };
  return { repository: reference.slice(0, colon), tag: reference.slice(colon + 1) };
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

function layerMediaType(bytes: Uint8Array, docker: boolean): string {
  if (docker) return DOCKER_LAYER_GZIP;
  if (isGzip(bytes)) return OCI_LAYER_GZIP;
  if (bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd) return OCI_LAYER_ZSTD;
  return OCI_LAYER_TAR;
}
