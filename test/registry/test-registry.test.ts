import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { OCI_MANIFEST, pushImage, pushIndex, sha256, startRegistry } from '../support/registry.js';

test('the registry of the tests serves what was pushed, with and without credentials', async () => {
  for (const auth of [false, true]) {
    const registry = await startRegistry({ auth });
    try {
      const layer = gzipSync(Buffer.alloc(10_240));
      const image = await pushImage(registry, 'library/app:latest', { layers: [layer] });
      await pushIndex(registry, 'library/app:multi', [
        { image, platform: { os: 'linux', architecture: 'amd64' } },
      ]);
      const headers = { accept: OCI_MANIFEST, ...(auth && { authorization: registry.authorization ?? '' }) };
      const manifest = await fetch(`${registry.url}/v2/library/app/manifests/latest`, { headers });
      expect(sha256(Buffer.from(await manifest.arrayBuffer()))).toBe(image.digest);
      const blob = await fetch(`${registry.url}/v2/library/app/blobs/${sha256(layer)}`, { headers });
      expect(Buffer.from(await blob.arrayBuffer()).equals(layer)).toBe(true);
      const refused = await fetch(`${registry.url}/v2/library/app/blobs/${sha256(layer)}`);
      expect(refused.status).toBe(auth ? 401 : 200);
    } finally {
      await registry.stop();
    }
  }
});
