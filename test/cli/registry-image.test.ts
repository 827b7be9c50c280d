import { expect, it } from 'vitest';
import { registryImage } from '#dist/cli/registry-image.js';

it.each([
  ['nginx:alpine', 'nginx:alpine'],
  ['docker://localhost:5000/x', 'localhost:5000/x'],
  ['oci', 'oci'],
  ['oci/x:1', 'oci/x:1'],
  ['ocix:1', 'ocix:1'],
])('%s is %s of a registry', (image, wanted) => {
  expect(registryImage(image)).toBe(wanted);
});

it.each(['oci:dir', 'oci:dir:tag', 'oci-archive:file.tar', 'docker-archive:file.tar:x'])(
  '%s is in no registry',
  (image) => {
    expect(() => registryImage(image)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
  },
);
