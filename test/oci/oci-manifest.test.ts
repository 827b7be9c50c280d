import { describe, expect, it } from 'vitest';
import { parseManifest } from '#src/oci/manifest.js';
import { ociManifest } from '#src/oci/oci-manifest.js';
import {
  DOCKER_CONFIG_TYPE,
  DOCKER_LAYER_GZIP,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_LAYER_GZIP,
  OCI_LAYER_TAR,
  OCI_LAYER_ZSTD,
  OCI_MANIFEST,
  sha256,
} from '../support/registry.js';

const descriptor = (mediaType: string) => ({ mediaType, digest: sha256(mediaType), size: mediaType.length });

function convert(mediaType: string, config: string, layers: readonly string[]) {
  const given = { schemaVersion: 2, mediaType, config: descriptor(config), layers: layers.map(descriptor) };
  const bytes = Buffer.from(JSON.stringify(given, undefined, 3));
  const parsed = parseManifest(bytes, 'it');
  if (parsed.kind !== 'manifest') throw new Error('an index');
  const made = ociManifest(parsed.manifest, bytes);
  return { bytes, made, document: JSON.parse(Buffer.from(made.bytes).toString()) };
}

describe('a manifest in an OCI layout', () => {
  it('of OCI is left byte for byte', () => {
    const { bytes, made } = convert(OCI_MANIFEST, OCI_CONFIG, [OCI_LAYER_GZIP, DOCKER_LAYER_GZIP]);
    expect(made).toEqual({ mediaType: OCI_MANIFEST, bytes });
  });

  it("of docker's gets OCI's words for the same things", () => {
    const layers: [string, string][] = [
      [DOCKER_LAYER_GZIP, OCI_LAYER_GZIP],
      ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', OCI_LAYER_GZIP],
      ['application/vnd.docker.image.rootfs.diff.tar.zstd', OCI_LAYER_ZSTD],
      ['application/vnd.docker.image.rootfs.diff.tar', OCI_LAYER_TAR],
      ['application/x-other', 'application/x-other'],
    ];
    const { made, document } = convert(
      DOCKER_MANIFEST,
      DOCKER_CONFIG_TYPE,
      layers.map(([docker]) => docker),
    );
    expect(made.mediaType).toBe(OCI_MANIFEST);
    expect(document).toEqual({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { ...descriptor(DOCKER_CONFIG_TYPE), mediaType: OCI_CONFIG },
      layers: layers.map(([docker, oci]) => ({ ...descriptor(docker), mediaType: oci })),
    });
  });
});
