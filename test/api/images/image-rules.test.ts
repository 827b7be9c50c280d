import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ImageRules, type ImageRulesOptions } from '#src/api/images/image-rules.js';
import { LayoutBuilder, named, writeDirectory } from '../../support/local-images.js';
import { file, tarOf } from '../../support/tar.js';

const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'layerslayer-rules-')));
afterAll(() => rmSync(scratch, { recursive: true }));

/** Returns the reference, or the code of the fault. */
function asked(image: string, options: Partial<ImageRulesOptions> = {}): string {
  const rules = new ImageRules({
    cwd: scratch,
    registries: [],
    refusesNear: false,
    directories: [],
    opened: new Set(),
    ...options,
  });
  try {
    return rules.asked(image).reference;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('images of a registry', () => {
  it.each([
    ['nginx', ['docker.io'], 'docker.io/library/nginx:latest'],
    ['index.docker.io/library/nginx', ['docker.io'], 'docker.io/library/nginx:latest'],
    ['registry-1.docker.io/library/nginx', ['docker.io'], 'registry-1.docker.io/library/nginx:latest'],
    ['GHCR.io/a/b', ['ghcr.io'], 'GHCR.io/a/b:latest'],
    ['ghcr.io:443/a/b', ['ghcr.io'], 'ghcr.io:443/a/b:latest'],
    ['ghcr.io:8443/a/b', ['ghcr.io'], 'FORBIDDEN'],
    ['nginx', ['ghcr.io'], 'FORBIDDEN'],
    ['ghcr.io.evil.example/a/b', ['ghcr.io'], 'FORBIDDEN'],
    ['evil.example/ghcr.io/a', ['ghcr.io'], 'FORBIDDEN'],
    ['docker://ghcr.io/a/b', ['ghcr.io'], 'ghcr.io/a/b:latest'],
  ])('%s with --allow-registry %j: %s', (image, registries, wanted) => {
    expect(asked(image, { registries })).toBe(wanted);
  });

  it.each([
    'localhost:5000/a',
    'localhost/a',
    '127.0.0.1:5000/a',
    '127.1:5000/a',
    '[::1]:5000/a',
    '[::ffff:7f00:1]:5000/a',
    '10.0.0.1/a',
    '192.168.0.1:5000/a',
    '169.254.169.254/latest/meta-data',
    'metadata.google.internal/a',
    '[fd00:ec2::254]/a',
    '[fe80::1]/a',
    '0.0.0.0:5000/a',
  ])('%s is refused on another address', (image) => {
    expect(asked(image, { refusesNear: true })).toBe('FORBIDDEN');
  });

  it('near are reached if they are named', () => {
    const options = { refusesNear: true, registries: ['localhost:5000'] };
    expect(asked('localhost:5000/a', options)).toBe('localhost:5000/a:latest');
    expect(asked('localhost:5001/a', options)).toBe('FORBIDDEN');
  });
});

describe('images of this machine', () => {
  const allowed = join(scratch, 'allowed');
  const builder = new LayoutBuilder();
  const layout = builder.top([named(builder.image([tarOf(file('a', 'a'))]), 't')]);
  for (const name of ['allowed/layout', 'allowed-not/layout', 'other/layout'])
    writeDirectory(join(scratch, name), layout);
  symlinkSync(join(scratch, 'other/layout'), join(allowed, 'out'));
  symlinkSync('layout', join(allowed, 'latest'));
  mkdirSync(join(scratch, 'other/empty'));
  writeFileSync(join(scratch, 'other/file'), '');
  const options = { directories: [allowed] };

  it.each([
    [`oci:${allowed}/layout:t`, `oci:${allowed}/layout:t`],
    [`oci:${allowed}/latest:t`, `oci:${allowed}/layout:t`],
    [`oci:${allowed}/../allowed/layout:t`, `oci:${allowed}/layout:t`],
    [`oci:${allowed}/none:t`, 'NOT_FOUND'],
    [`oci:${allowed}/out:t`, 'FORBIDDEN'],
    [`oci:${allowed}/../other/layout:t`, 'FORBIDDEN'],
    [`oci:${scratch}/allowed-not/layout:t`, 'FORBIDDEN'],
    ['oci:allowed/layout:t', 'FORBIDDEN'],
    ['oci-archive:/etc/passwd', 'FORBIDDEN'],
    ['docker-archive:/proc/self/environ', 'FORBIDDEN'],
  ])('%s: %s', (image, wanted) => {
    expect(asked(image, options)).toBe(wanted);
    if (!wanted.startsWith('oci:')) expect(asked(image)).toBe('FORBIDDEN');
  });

  it('elsewhere answer the same whether they are there or not', () => {
    for (const name of ['layout', 'layout:t', 'empty', 'file', 'none', 'file:x'])
      for (const place of ['oci', 'oci-archive', 'docker-archive'])
        expect(asked(`${place}:${scratch}/other/${name}`, options)).toBe('FORBIDDEN');
  });

  it('are those that the server was started with', () => {
    const opened = new Set([`oci:${scratch}/other/layout:t`]);
    expect(asked(`oci:${scratch}/other/layout:t`, { opened })).toBe(`oci:${scratch}/other/layout:t`);
    expect(asked(`oci:${scratch}/other/layout`, { opened })).toBe('FORBIDDEN');
  });
});
