// Debian's docker-registry on a loopback port, and uploads to it. (OCI distribution-spec, "Pushing
// blobs")
import { createHash } from 'node:crypto';
import { createReadStream, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const START_MS = 20_000;
const POLL_MS = 50;

/** @returns `127.0.0.1:PORT` */
export async function startRegistry(workplace) {
  const directory = workplace.folder('registry');
  // It logs nothing here, so it can't say which port it has taken: it is told a free one.
  const port = await freePort();
  const config = join(directory, 'config.yml');
  writeFileSync(
    config,
    [
      'version: 0.1',
      'log: { level: error, accesslog: { disabled: true } }',
      `storage: { filesystem: { rootdirectory: ${directory}/data } }`,
      `http: { addr: "127.0.0.1:${port}", secret: bench }`,
    ].join('\n'),
  );
  const child = workplace.start(['docker-registry', 'serve', config], { stdio: 'ignore' });
  let failure;
  child.once('error', (error) => {
    failure = error.message;
  });
  child.once('close', (status) => {
    failure ??= `it ended with ${status}`;
  });
  const deadline = Date.now() + START_MS;
  while (!(await answers(port))) {
    if (failure !== undefined || Date.now() > deadline) {
      throw new Error(`docker-registry does not serve: ${failure ?? 'no answer'}`);
    }
    await sleep(POLL_MS);
  }
  return `127.0.0.1:${port}`;
}

/**
 * @param image `library/x:tag`
 * @param layers what `writeLayer` returned
 * @param annotations of the manifest
 */
export async function pushImage(host, image, layers, { annotations } = {}) {
  const [repository, tag] = image.split(':');
  for (const layer of layers) await pushBlob(host, repository, layer, () => createReadStream(layer.path));
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    }),
  );
  const described = layers.map(({ mediaType, digest, size, annotations: own }) => ({
    ...{ mediaType, digest, size },
    ...(own && { annotations: own }),
  }));
  const descriptor = { mediaType: CONFIG_TYPE, ...(await pushBytes(host, repository, config)) };
  await pushManifest(host, repository, tag, { config: descriptor, layers: described, annotations });
}

/** @returns digest and size of the blob */
export async function pushBytes(host, repository, bytes) {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  await pushBlob(host, repository, { digest, size: bytes.length }, () => [bytes]);
  return { digest, size: bytes.length };
}

/** @param tag undefined: under its digest. @returns digest and size of the manifest */
export async function pushManifest(host, repository, tag, document) {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPE, ...document }));
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  await send(host, 'PUT', `/v2/${repository}/manifests/${tag ?? digest}`, {
    type: MANIFEST_TYPE,
    size: bytes.length,
    body: [bytes],
  });
  return { digest, size: bytes.length };
}

const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';

async function pushBlob(host, repository, { digest, size }, open) {
  const opened = await send(host, 'POST', `/v2/${repository}/blobs/uploads/`, {});
  const location = new URL(opened.headers.location, `http://${host}`);
  location.searchParams.set('digest', digest);
  await send(host, 'PUT', `${location.pathname}${location.search}`, {
    type: 'application/octet-stream',
    size,
    body: open(),
  });
}

function send(host, method, path, { type, size = 0, body = [] }) {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port: host.split(':')[1], method, path, agent: false },
      (response) => {
        response.resume();
        response.once('end', () => {
          if (response.statusCode < 300) resolve(response);
          else reject(new Error(`${method} ${path.split('?')[0]}: got ${response.statusCode}`));
        });
      },
    );
    sent.once('error', reject);
    sent.setHeader('content-length', size);
    if (type) sent.setHeader('content-type', type);
    pipeline(body, sent).catch(reject);
  });
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function answers(port) {
  try {
    return (await fetch(`http://127.0.0.1:${port}/v2/`)).ok;
  } catch {
    return false;
  }
}
