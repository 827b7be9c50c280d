import { baseMediaType } from './media-type.js';

/** The format that a layer's media type states. `unknown`: the bytes decide. */
export type LayerKind = 'tar' | 'other' | 'unknown';

/** ocicrypt appends this to the type of an encrypted layer. */
const ENCRYPTED = '+encrypted';

/** `…layer.v1.tar+gzip`, `…diff.tar.gzip`, `application/x-tar`, `…layer.v1+tar.gz`. */
const TAR = /[./+](?:x-)?tar(?:[.+](?:gzip|gz|zstd|zst|bzip2|bz2|xz|lz4))?$/;

/** Types whose content is never a tar, whatever their suffix. */
const OTHER_PREFIXES = [
  // signatures and attestations
  'application/vnd.dev.cosign.',
  'application/vnd.dev.sigstore.',
  'application/vnd.dsse.envelope',
  'application/vnd.in-toto',
  'application/vnd.cncf.notary.',
  'application/vnd.cncf.helm.chart.provenance',
  'application/cose',
  'application/jose',
  'application/pgp-',
  // software bills of materials
  'application/spdx',
  'text/spdx',
  'application/vnd.cyclonedx',
  'application/vnd.syft',
  // models
  'application/vnd.ollama.',
  'application/vnd.docker.ai.',
  // code and rules
  'application/wasm',
  'application/vnd.wasm.content.layer.',
  'application/vnd.cncf.openpolicyagent.policy.',
  // images of file systems, disks and machines
  'application/vnd.sylabs.sif.',
  'application/vnd.oci.image.layer.nydus.',
  'application/vnd.erofs',
  'application/vnd.squashfs',
  'application/vnd.cirruslabs.tart.',
  'application/vnd.lfedge.disk.',
  // attachments to layers
  'application/vnd.oci.empty.',
  'application/vnd.buildkit.cacheconfig.',
  'application/vnd.amazon.soci.',
  // ordinary files
  'application/json',
  'application/xml',
  'application/yaml',
  'application/x-yaml',
  'application/toml',
  'application/zip',
  'application/pdf',
] as const;

/** Parts of a type, between dots and plus signs, that name a format other than tar. */
const OTHER_FORMATS: ReadonlySet<string> = new Set(
  (
    'json xml yaml yml toml cbor cose protobuf pem prov rego wasm ' +
    'erofs squashfs nydus sif ext4 dmg iso qcow qcow2 vmdk vhd vhdx vdi ' +
    'raw gguf ggml safetensors onnx'
  ).split(' '),
);

/** SIF files were pushed as `…sif.layer.tar` and `…sif.layer.v1+tar`, but are not tars. */
const NEVER_TAR = 'application/vnd.sylabs.sif.';

/** @param mediaType of the descriptor; may be empty, and have parameters */
export function layerKind(mediaType: string | undefined): LayerKind {
  const type = baseMediaType(mediaType);
  if (type.endsWith(ENCRYPTED)) return 'other';
  if (TAR.test(type) && !type.startsWith(NEVER_TAR)) return 'tar';
  if (OTHER_PREFIXES.some((prefix) => type.startsWith(prefix))) return 'other';
  const subtype = type.slice(type.indexOf('/') + 1);
  return subtype.split(/[.+]/).some((part) => OTHER_FORMATS.has(part)) ? 'other' : 'unknown';
}

export function isEncryptedType(mediaType: string | undefined): boolean {
  return baseMediaType(mediaType).endsWith(ENCRYPTED);
}

/** Maximum characters of a type in a message. */
const SHOWN_LENGTH = 100;

/** Returns the type for a message; `?` replaces anything but printable ASCII. */
export function showMediaType(mediaType: string | undefined): string {
  const shown = (mediaType ?? '').slice(0, SHOWN_LENGTH).replace(/[^\x20-\x7e]/g, '?');
  return shown === '' ? 'no media type' : shown;
}
