import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { imageArgument } from '#src/surroundings/image-argument.js';
import { localImage, withLocalImageHint } from '#src/surroundings/local-image-hint.js';
import { cleanUp, scratchDirectory } from '../cache/scratch.js';
import { file, tarOf } from '../support/tar.js';

afterEach(cleanUp);

function directory(): string {
  const path = scratchDirectory();
  mkdirSync(join(path, 'img', 'oci'), { recursive: true });
  writeFileSync(join(path, 'img', 'oci', 'index.json'), '{}');
  const layer = file('blobs/sha256/x', Buffer.alloc(100_000, 1));
  writeFileSync(
    join(path, 'docker.tar'),
    tarOf(layer, file('index.json', '{}'), file('manifest.json', '[]')),
  );
  writeFileSync(join(path, 'oci.tar'), tarOf(file('./oci-layout', '{}'), layer, file('./index.json', '{}')));
  writeFileSync(join(path, 'files.tar'), tarOf(layer));
  writeFileSync(join(path, 'packed.tar.gz'), '');
  writeFileSync(join(path, 'noise'), Buffer.alloc(10_000, 0xaa));
  execFileSync('mkfifo', [join(path, 'pipe')]);
  return path;
}

describe('a path of an image on this machine', () => {
  it.each([
    ['img/oci', 'oci:img/oci'],
    ['./img/oci', 'oci:./img/oci'],
    ['docker.tar', 'docker-archive:docker.tar'],
    ['oci.tar', 'oci-archive:oci.tar'],
    ['packed.tar.gz', 'docker-archive:packed.tar.gz or oci-archive:packed.tar.gz'],
    ['img', undefined],
    ['files.tar', undefined],
    ['noise', undefined],
    ['pipe', undefined],
    ['none', undefined],
    ['a\0b', undefined],
  ])('%s is %s', (text, spelling) => expect(localImage(text, directory())).toBe(spelling));

  it('is named by the error of a reference', () => {
    const cwd = directory();
    expect(() => imageArgument('./img/oci', cwd)).toThrow(
      expect.objectContaining({
        code: 'INVALID_REFERENCE',
        message: expect.stringMatching(/ is not a registry host \(on this machine: oci:\.\/img\/oci\)$/),
      }),
    );
    const missing = new LayerslayerError('NOT_FOUND', 'no');
    expect(withLocalImageHint(missing, 'oci.tar', cwd)).toMatchObject({
      code: 'NOT_FOUND',
      message: 'no (on this machine: oci-archive:oci.tar)',
    });
    expect(withLocalImageHint(missing, 'nginx', cwd)).toBe(missing);
    const damaged = new LayerslayerError('CORRUPT_LAYER', 'no');
    expect(withLocalImageHint(damaged, 'oci.tar', cwd)).toBe(damaged);
  });
});
