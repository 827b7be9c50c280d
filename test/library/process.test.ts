import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compiled } from '../setup/programs.js';
import { run } from '../support/child.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { startRegistry, type TestRegistry } from '../support/registry.js';
import { pushLibraryImage } from './image.js';

/** Programs that use the library, in processes of their own. */
const child = (name: string) => compiled(`test/library/children/${name}.mjs`);
const library = () => pathToFileURL(compiled('src/library/layerslayer.ts')).href;

let registry: TestRegistry;
let proxy: FaultProxy;
const scratch = mkdtempSync(join(tmpdir(), 'layerslayer-library-'));
beforeAll(async () => {
  registry = await startRegistry();
  await pushLibraryImage(registry);
  proxy = await FaultProxy.start({ target: registry.url });
});
afterAll(async () => {
  await proxy?.stop();
  await registry?.stop();
  rmSync(scratch, { recursive: true });
});

it('importing it starts nothing', async () => {
  const [without, withIt] = await Promise.all([
    run(process.execPath, [child('handles')]),
    run(process.execPath, [child('handles'), library()]),
  ]);
  expect(JSON.parse(withIt.stdout)).toEqual(JSON.parse(without.stdout));
  expect(JSON.parse(withIt.stdout)).toMatchObject({ isSame: true });
});

describe('a process ends by itself', () => {
  it.each(['close', 'forget'])('%s', async (how) => {
    const ended = await run(process.execPath, [
      child('ends'),
      `${proxy.host}/app:one`,
      join(scratch, how),
      how,
    ]);
    const { status, ms, resources } = JSON.parse(ended.stdout);
    expect([status, resources, ended.stderr]).toEqual([0, [], '']);
    expect(ms).toBeLessThan(3_000);
    // What was fetched is cached, closed or not.
    const before = proxy.blobBytes;
    await run(process.execPath, [child('ends'), `${proxy.host}/app:one`, join(scratch, how), how]);
    expect(proxy.blobBytes).toBe(before);
  });
});

it('a callback that throws is an uncaught exception, and ends no operation', async () => {
  const { stdout } = await run(process.execPath, [
    child('throwing'),
    `${registry.host}/app:one`,
    join(scratch, 'throwing'),
  ]);
  expect(JSON.parse(stdout)).toEqual({ content: 'new!', uncaught: ['from onProgress'] });
});

it('works with Node options that threads do not take', async () => {
  const cacheDirectory = join(scratch, 'eval');
  const program = `
    import { openImage } from '${library()}';
    const image = await openImage('${registry.host}/app:one', { cacheDirectory: '${cacheDirectory}' });
    console.log(await image.readFile('/conf', 'utf8'));
    await image.close();`;
  const ended = await run(process.execPath, ['--input-type=module', '-e', program]);
  expect([ended.stdout, ended.stderr]).toEqual(['new!\n', '']);
});

describe('what the process does not have is an error with a code', () => {
  const opened = (before: string) => `
    ${before}
    const { LayerslayerError, openImage, unmount } = await import('${library()}');
    const fault = await openImage('oci:/no/such', { cacheDirectory: '${join(scratch, 'none')}' }).catch((e) => e);
    console.log(fault instanceof LayerslayerError, fault.code, fault.message);`;

  it('a working directory', async () => {
    const program = opened(`
      const fs = await import('node:fs');
      process.chdir(fs.mkdtempSync('${join(scratch, 'gone-')}'));
      fs.rmdirSync(process.cwd());`);
    const unmounting = `
      const unmounted = await unmount('mnt').catch((e) => e);
      console.log(unmounted instanceof LayerslayerError, unmounted.code);`;
    const ended = await run(process.execPath, ['--input-type=module', '-e', program + unmounting]);
    expect(ended.stdout).toMatch(/^true IO_FAILED .*uv_cwd.*\ntrue [A-Z]+_FAILED\n$/);
  });

  it('the permission to start threads', async () => {
    const major = Number(process.versions.node.split('.')[0]);
    const permission = major < 23 ? '--experimental-permission' : '--permission';
    const program = join(scratch, 'permission.mjs');
    writeFileSync(program, opened(''));
    const allowed = ['--allow-fs-read=*', '--allow-fs-write=*'];
    const ended = await run(process.execPath, ['--no-warnings', permission, ...allowed, program]);
    expect(ended.stdout).toMatch(/^true IO_FAILED .*--permission refuses what is needed: WorkerThreads/);
  });
});
