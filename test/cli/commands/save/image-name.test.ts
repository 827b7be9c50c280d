import { expect, it } from 'vitest';
import { imageName, repoTags } from '#src/cli/commands/save/image-name.js';

const HEX = 'ab'.repeat(32);

it.each([
  ['docker.io/library/nginx:alpine', 'library/nginx', 'alpine'],
  ['localhost:5000/a/b/c:v1', 'a/b/c', 'v1'],
  [`ghcr.io/o/r@sha256:${HEX}`, 'o/r', `sha256-${HEX}`],
  [`ghcr.io/o/r:v2@sha256:${HEX}`, 'o/r', 'v2'],
  ['oci:/tmp/lay out:v1', 'lay_out', 'v1'],
  ['oci:/tmp/layout', 'layout', 'latest'],
  ['oci:/tmp/layout:@3', 'layout', '3'],
  ['oci:/tmp/layout:../../etc', 'layout', '_.._etc'],
  ['oci:/tmp/layout:a/b:c\n', 'layout', 'a_b_c_'],
  ['oci:/', 'latest', 'latest'],
  ['oci-archive:/tmp/.x.tar:..', 'x.tar', 'latest'],
  ['docker-archive:/tmp/x.tar:docker.io/library/busybox:1', 'library/busybox', '1'],
  ['docker-archive:/tmp/x.tar', 'x.tar', 'latest'],
])('%s', (reference, repository, tag) => expect(imageName(reference)).toEqual({ repository, tag }));

it.each([
  ['docker.io/library/nginx:alpine', ['docker.io/library/nginx:alpine']],
  ['localhost:5000/a/b/c:v1', ['localhost:5000/a/b/c:v1']],
  [`ghcr.io/o/r@sha256:${HEX}`, []],
  [`ghcr.io/o/r:v2@sha256:${HEX}`, []],
  ['oci:/tmp/layout:v1', []],
  ['oci:/tmp/layout', []],
  ['oci:/tmp/layout:@3', []],
  ['oci:/tmp/layout:ghcr.io/o/r:v2', ['ghcr.io/o/r:v2']],
  ['oci-archive:/tmp/x.tar:a/../b:c\n', []],
  ['docker-archive:/tmp/x.tar:docker.io/library/busybox:1', ['docker.io/library/busybox:1']],
  ['docker-archive:/tmp/x.tar', []],
])('%s is known to docker as %j', (reference, names) => expect(repoTags(reference)).toEqual(names));
