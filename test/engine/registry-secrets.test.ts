import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { defaultPlatform } from '#src/oci/platform.js';
import { status } from '../support/fault-proxy.js';
import { pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { Sessions, someFiles, tarOfFiles } from './sessions.js';

let registry: TestRegistry;
const sessions = new Sessions();
beforeAll(async () => {
  registry = await startRegistry();
  await pushImage(registry, 'app:latest', { layers: [tarOfFiles(someFiles(1, 10_000))] });
});
afterAll(() => registry?.stop());
afterEach(() => sessions.cleanUp());

const NAME = { username: 'ali', password: 'open sesame' };

describe('an index repository in another registry', () => {
  /** What it was sent as Authorization, when it wants some. */
  async function sent(secrets: object, isForImage: boolean): Promise<(string | undefined)[]> {
    const [images, indexes] = [await sessions.proxy(registry.url), await sessions.proxy(registry.url)];
    indexes.rules.push({ path: /./, fault: status(401, { 'www-authenticate': 'Basic realm="r", Bearer' }) });
    const { session } = sessions.start({
      registry: { insecure: false, ...secrets, ...(isForImage && { secretsFor: images.host }) },
      indexTrust: 'trusted',
      indexRepository: `${indexes.host}/indexes`,
    });
    const image = await session.resolve(`${images.host}/app:latest`, defaultPlatform());
    const [layer] = await session.openLayers(image);
    expect(layer!.origin.kind).toBe('own');
    expect(indexes.seen.length).toBeGreaterThan(0);
    return indexes.seen.map(({ headers }) => headers.authorization);
  }

  it.each([
    ['--username', NAME],
    ['--token-file', { token: 'mine' }],
  ])('secrets of the command line go to the registry of the image only: %s', async (_, secrets) => {
    expect(new Set(await sent(secrets, true))).toEqual(new Set([undefined]));
    expect((await sent(secrets, false)).some((header) => header !== undefined)).toBe(true);
  });
});
