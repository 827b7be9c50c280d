import { describe, expect, it } from 'vitest';
import { layerKind, showMediaType } from '#src/oci/layer-type.js';

describe('the media type of a layer', () => {
  it.each([
    'application/vnd.oci.image.layer.v1.tar',
    'application/vnd.oci.image.layer.v1.tar+gzip',
    'application/vnd.oci.image.layer.v1.tar+zstd',
    'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
    'application/vnd.docker.image.rootfs.diff.tar',
    'application/vnd.docker.image.rootfs.diff.tar.gzip',
    'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    'application/vnd.docker.ai.vllm.config.tar',
    'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
    'application/vnd.cncf.flux.content.v1.tar+gzip',
    'application/vnd.cncf.falco.rulesfile.layer.v1+tar.gz',
    'application/vnd.wasm.content.bundle.v1.tar+gzip',
    'application/tar+gzip',
    'application/x-tar',
    'Application/Vnd.OCI.Image.Layer.v1.TAR+gzip; foo=bar',
  ])('is a tar: %s', (type) => expect(layerKind(type)).toBe('tar'));

  it.each([
    'application/vnd.dev.cosign.simplesigning.v1+json',
    'application/vnd.dev.sigstore.bundle.v0.3+json',
    'application/vnd.dsse.envelope.v1+json',
    'application/vnd.in-toto+json',
    'application/vnd.in-toto.bundle',
    'application/spdx+json',
    'text/spdx',
    'application/vnd.cyclonedx+xml',
    'application/vnd.syft+json',
    'application/vnd.cncf.helm.chart.provenance.v1.prov',
    'application/jose+json',
    'application/cose',
    'application/vnd.cncf.openpolicyagent.policy.layer.v1+rego',
    'application/vnd.oci.image.layer.nydus.blob.v1',
    'application/vnd.sylabs.sif.layer.v1.sif',
    'application/vnd.sylabs.sif.layer.v1+tar',
    'application/vnd.sylabs.image.layer.v1.squashfs',
    'application/vnd.oci.image.layer.v1.squashfs+zstd',
    'application/vnd.erofs',
    'application/vnd.erofs+zstd',
    'application/vnd.erofs.layer.v1',
    'application/vnd.oci.image.layer.v1.erofs',
    'application/vnd.docker.ai.gguf.v3',
    'application/vnd.ollama.image.model',
    'application/vnd.ollama.image.tensor; name=input; dtype=F32',
    'application/vnd.cncf.model.weight.v1.raw',
    'application/wasm',
    'application/vnd.wasm.content.layer.v1+wasm',
    'application/vnd.lfedge.disk.layer.v1+qcow2',
    'application/vnd.cirruslabs.tart.disk.v2',
    'application/vnd.oci.empty.v1+json',
    'application/vnd.oci.image.layer.v1.tar+gzip+encrypted',
    'application/vnd.docker.image.rootfs.diff.tar+encrypted',
  ])('is not a tar: %s', (type) => expect(layerKind(type)).toBe('other'));

  it.each([
    undefined,
    '',
    ' ; x=y',
    'application/octet-stream',
    'application/gzip',
    'text/plain',
    'application/vnd.homebrew.bottle.layer.v1+gzip',
    'application/vnd.guitar',
    'application/vnd.rawhide.v1',
  ])('is unknown: %s', (type) => expect(layerKind(type)).toBe('unknown'));

  it('adds no control characters or long texts to a message', () => {
    expect(showMediaType('a\x1b[2J\u202eb')).toBe('a?[2J?b');
    expect(showMediaType('x'.repeat(5000))).toHaveLength(100);
    expect([showMediaType(''), showMediaType(undefined)]).toEqual(['no media type', 'no media type']);
  });
});
