import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { checkFuseDevice, openFuseDevice } from '#src/fuse/mounting/fuse-device.js';

const directory = mkdtempSync(join(tmpdir(), 'layerslayer-device-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
writeFileSync(join(directory, 'file'), '');

it('is there', () => expect(checkFuseDevice()).resolves.toBeUndefined());

it.each([
  ['missing', /: no such file or directory; load the kernel module/],
  ['file', / is not a device; load the kernel module/],
  ['file/below', /: not a directory$/],
])('%s is told with what to do', async (name, message) => {
  await expect(openFuseDevice(join(directory, name))).rejects.toMatchObject({
    code: 'MOUNT_FAILED',
    message: expect.stringMatching(message),
  });
});
