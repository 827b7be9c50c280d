import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './child.js';
import { OCI_CONFIG, OCI_MANIFEST, type PushTarget, pushBlob, pushManifest, sha256 } from './registry.js';

export interface BuiltLayer {
  path: string; // of the blob
  diffId: string;
  mediaType: string;
}

/** An OCI image layout on disk with one image: what umoci unpacks and what is pushed. */
export interface OciLayout {
  directory: string;
  tag: string;
  digest: string; // of the manifest
  layers: { digest: string; size: number; mediaType: string }[];
}

/**
 * Writes `layers`, base first, as an image for this machine's platform. (OCI image-spec,
 * image-layout.md)
 */
export async function writeLayout(
  directory: string,
  tag: string,
  layers: readonly BuiltLayer[],
): Promise<OciLayout> {
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
  const blobPath = (digest: string) => join(directory, 'blobs', digest.replace(':', '/'));
  const writeBlob = (value: object) => {
    const bytes = Buffer.from(JSON.stringify(value));
    writeFileSync(blobPath(sha256(bytes)), bytes);
    return { digest: sha256(bytes), size: bytes.length };
  };
  const described = [];
  for (const layer of layers) {
    const digest = `sha256:${(await run('sha256sum', [layer.path])).stdout.slice(0, 64)}`;
    copyFileSync(layer.path, blobPath(digest));
    described.push({ mediaType: layer.mediaType, digest, size: statSync(layer.path).size });
  }
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const config = writeBlob({
    created: '2024-01-02T03:04:05Z',
    architecture,
    os: 'linux',
    config: { Cmd: ['/bin/sh'] },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map((_, at) => ({ created: '2024-01-02T03:04:05Z', created_by: `RUN step-${at + 1}` })),
  });
  const manifest = writeBlob({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: OCI_CONFIG, ...config },
    layers: described,
  });
  const platform = { os: 'linux', architecture };
  const annotations = { 'org.opencontainers.image.ref.name': tag };
  const index = {
    schemaVersion: 2,
    manifests: [{ mediaType: OCI_MANIFEST, ...manifest, platform, annotations }],
  };
  writeFileSync(join(directory, 'index.json'), JSON.stringify(index));
  writeFileSync(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  return { directory, tag, digest: manifest.digest, layers: described };
}

/** Pushes the layout's image as it is, byte for byte. */
export async function pushLayout(target: PushTarget, layout: OciLayout, reference: string): Promise<void> {
  const [repository = '', tag] = reference.split(':');
  const read = (digest: string) => readFileSync(join(layout.directory, 'blobs', digest.replace(':', '/')));
  const manifest = read(layout.digest);
  const { config }: { config: { digest: string } } = JSON.parse(manifest.toString());
  for (const { digest } of [...layout.layers, config]) await pushBlob(target, repository, read(digest));
  await pushManifest(target, repository, tag, manifest, OCI_MANIFEST);
}

/** The image's tree as umoci unpacks it: the oracle. @returns the root directory */
export async function unpackLayout(layout: OciLayout, directory: string): Promise<string> {
  await run('umoci', ['raw', 'unpack', '--image', `${layout.directory}:${layout.tag}`, directory]);
  return directory;
}
