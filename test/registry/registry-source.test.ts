import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { defaultPlatform } from '#src/oci/platform.js';
import { RegistrySource } from '#src/source/registry-source.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { pushImage, startRegistry } from '../support/registry.js';

test('an image is resolved and read through a registry that wants tokens', async () => {
  const registry = await startRegistry();
  const proxy = await FaultProxy.start({ target: registry.url, tokens: {} });
  const bytes = gzipSync(Buffer.alloc(10_240));
  await pushImage(registry, 'library/app:latest', { layers: [bytes] });
  const source = new RegistrySource({ insecure: false, environment: {} });
  const image = await source.resolve(`${proxy.host}/library/app:latest`, defaultPlatform());
  const blob = source.open(image, image.manifest.layers[0]!);
  expect(Buffer.from(await blob.read(3, 7))).toEqual(bytes.subarray(3, 10));
  const got: Uint8Array[] = [];
  await blob.stream(0, bytes.length, (c) => void got.push(Uint8Array.from(c)));
  expect(Buffer.concat(got)).toEqual(bytes);
  await source.close();
  await proxy.stop();
  await registry.stop();
});
