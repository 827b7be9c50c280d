import { closeSync, openSync } from 'node:fs';
import { expect, it } from 'vitest';
import { deviceClosed, deviceDescriptors } from '#src/fuse/fuse-native/device-descriptors.js';

const open = () => openSync('/dev/fuse', 'r+');

it('knows which descriptors are the device', () => {
  const before = deviceDescriptors();
  const other = openSync('/dev/null', 'r');
  const device = open();
  expect([...deviceDescriptors()].filter((one) => !before.has(one))).toEqual([device]);
  for (const descriptor of [other, device]) closeSync(descriptor);
  expect(deviceDescriptors()).toEqual(before);
});

it('tells when one was closed, and not before', async () => {
  const device = open();
  const closed = deviceClosed(device).then(() => 'closed');
  const waited = new Promise((resolve) => setTimeout(resolve, 500, 'still open'));
  expect(await Promise.race([closed, waited])).toBe('still open');
  closeSync(device);
  expect(await closed).toBe('closed');
});

it('does not take the next device of that number for it', async () => {
  const first = open();
  const firstClosed = deviceClosed(first);
  closeSync(first);
  const second = open();
  expect(second).toBe(first); // else this says nothing
  const secondClosed = deviceClosed(second);
  await firstClosed;
  closeSync(second);
  await secondClosed;
});
