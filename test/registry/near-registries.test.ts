/** Registries that a client from elsewhere names. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RegistryClient, type RegistryClientOptions } from '#src/registry/registry-client.js';
import { isNearHost } from '#src/registry/registry-options.js';
import { FaultProxy, status } from '../support/fault-proxy.js';
import { pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { file, tarOf } from '../support/tar.js';

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry();
  await pushImage(registry, 'app:latest', { layers: [tarOf(file('a', 'a'))] });
});
afterAll(() => registry?.stop());

async function manifest(host: string, options: Partial<RegistryClientOptions>): Promise<string> {
  const client = new RegistryClient(host, { insecure: true, environment: {}, ...options });
  try {
    return (await client.getManifest('app', 'latest')).digest;
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code} ${message}`;
  } finally {
    await client.close();
  }
}

it('are reached at home if they are named, and else get no connection', async () => {
  const { host } = registry;
  expect(await manifest(host, { nearRegistries: [host] })).toMatch(/^sha256:/);
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const refused = /^REGISTRY_UNAVAILABLE .*refused: it resolves to a loopback address/;
  for (const name of ['127.0.0.1', 'localhost', '127.1', '[::ffff:127.0.0.1]', '0x7f000001'])
    expect(await manifest(`${name}:${port}`, { nearRegistries: [] }), name).toMatch(refused);
  expect(await manifest(`127.0.0.1:${port}`, { nearRegistries: [host] })).toMatch(refused);
  expect(connections).toBe(0);
  server.close();
});

describe('by their host', () => {
  it.each([
    ['localhost:5000', true],
    ['127.0.0.1', true],
    ['127.1:80', true],
    ['[::1]:5000', true],
    ['[::ffff:10.0.0.1]', true],
    ['[fe80::1]', true],
    ['10.0.0.1:5000', true],
    ['172.16.0.1', true],
    ['192.168.1.1', true],
    ['169.254.169.254', true],
    ['metadata.google.internal', true],
    ['0.0.0.0', true],
    ['2130706433', true],
    ['8.8.8.8', false],
    ['docker.io', false],
    ['registry.example:5000', false],
  ])('%s is near: %s', (host, isNear) => expect(isNearHost(host)).toBe(isNear));
});

it('a refusal says that the user’s credentials were not used', async () => {
  const proxy = await FaultProxy.start({ target: registry.url });
  proxy.rules.push({ path: /./, fault: status(401, { 'www-authenticate': 'Basic realm="r"' }) });
  const without = await manifest(proxy.host, { credentialsFor: [] });
  expect(without).toMatch(/^UNAUTHORIZED .*not found, or private; it was asked without credentials/);
  expect(without).toContain(`--credentials has no ${proxy.host}/app`);
  expect(without).not.toContain('docker login');
  expect(await manifest(proxy.host, {})).toMatch(/^UNAUTHORIZED .*docker login/);
  await proxy.stop();
});
