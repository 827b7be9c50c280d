/**
 * Images on disk: the files of an OCI layout or of a docker-archive by name, written as a directory
 * or a tar. Built by hand, so that wrong ones are as easy as right ones.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER_TAR, OCI_MANIFEST, sha256 } from './registry.js';
import { file, tarOf } from './tar.js';

export type LocalFilesByName = Record<string, Uint8Array | string>;

export interface BlobDescriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: object;
  annotations?: Record<string, string>;
}

/** The files of a layout while it is being put together. */
export class LayoutBuilder {
  readonly files: LocalFilesByName = { 'oci-layout': '{"imageLayoutVersion":"1.0.0"}' };

  /** @returns the descriptor */
  blob(mediaType: string, content: Uint8Array | string): BlobDescriptor {
    const bytes = Buffer.from(content);
    this.files[blobName(sha256(bytes))] = bytes;
    return { mediaType, digest: sha256(bytes), size: bytes.length };
  }

  image(layers: readonly Uint8Array[], config: object = {}): BlobDescriptor {
    const described = layers.map((layer) => this.blob(OCI_LAYER_TAR, layer));
    const manifest = {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: this.blob(OCI_CONFIG, JSON.stringify(configOf(layers, config))),
      layers: described,
    };
    return this.blob(OCI_MANIFEST, JSON.stringify(manifest));
  }

  index(manifests: readonly BlobDescriptor[]): BlobDescriptor {
    return this.blob(OCI_INDEX, JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  }

  /** Writes `index.json`. */
  top(manifests: readonly BlobDescriptor[]): LocalFilesByName {
    this.files['index.json'] = JSON.stringify({ schemaVersion: 2, manifests });
    return this.files;
  }
}

export const blobName = (digest: string) => `blobs/${digest.replace(':', '/')}`;

export const named = (descriptor: BlobDescriptor, name: string): BlobDescriptor => ({
  ...descriptor,
  annotations: { 'org.opencontainers.image.ref.name': name },
});

/** Plain layers' digests are their diff_ids. */
export function configOf(layers: readonly Uint8Array[], config: object = {}): object {
  const rootfs = { type: 'layers', diff_ids: layers.map(sha256) };
  return { os: 'linux', architecture: 'amd64', rootfs, history: [], ...config };
}

export interface ArchivedImageToWrite {
  layers: readonly Uint8Array[];
  tags?: readonly string[];
  config?: object;
}

/** The files of a docker-archive as docker save wrote them up to version 24. */
export function dockerArchiveFiles(images: readonly ArchivedImageToWrite[]): LocalFilesByName {
  const files: LocalFilesByName = {};
  const manifest = images.map(({ layers, tags, config }) => {
    const configBytes = Buffer.from(JSON.stringify(configOf(layers, config)));
    const configName = `${sha256(configBytes).slice(7)}.json`;
    files[configName] = configBytes;
    const names = layers.map((layer) => `${sha256(layer).slice(7)}/layer.tar`);
    for (const [i, name] of names.entries()) files[name] = layers[i]!;
    return { Config: configName, RepoTags: tags ?? null, Layers: names };
  });
  files['manifest.json'] = JSON.stringify(manifest);
  return files;
}

export function tarOfFiles(files: LocalFilesByName): Buffer {
  return tarOf(...Object.entries(files).map(([name, content]) => file(name, content)));
}

export function writeDirectory(directory: string, files: LocalFilesByName): string {
  mkdirSync(directory, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), content);
  }
  return directory;
}

export function writeArchive(path: string, files: LocalFilesByName): string {
  writeFileSync(path, tarOfFiles(files));
  return path;
}
