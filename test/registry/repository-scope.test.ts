import { describe, expect, it } from 'vitest';
import {
  covers,
  coversRegistry,
  parseRegistry,
  parseScope,
  registryKey,
} from '#src/registry/repository-scope.js';

describe('a registry in one spelling', () => {
  it.each([
    ['docker.io', 'docker.io'],
    ['index.docker.io', 'docker.io'],
    ['registry-1.docker.io', 'docker.io'],
    ['Docker.IO', 'docker.io'],
    ['GHCR.io', 'ghcr.io'],
    ['ghcr.io:443', 'ghcr.io'],
    ['ghcr.io:8443', 'ghcr.io:8443'],
    ['127.1:5000', '127.0.0.1:5000'],
    ['0x7f.0.0.1', '127.0.0.1'],
    ['[0:0::1]:5000', '[::1]:5000'],
  ])('%s is %s', (registry, key) => {
    expect(registryKey(registry)).toBe(key);
    expect(parseRegistry(registry)).toBe(key);
  });

  it.each(['', 'https://ghcr.io', 'ghcr.io/x', 'user@ghcr.io', 'a b', 'a:b:c', '[::1'])(
    '%j is none',
    (text) => expect(parseRegistry(text)).toBe(undefined),
  );
});

describe('a scope', () => {
  it.each([
    ['ghcr.io', 'ghcr.io', 'a/b', true],
    ['GHCR.IO/', 'ghcr.io', 'a', true],
    ['ghcr.io', 'ghcr.io:8443', 'a', false],
    ['ghcr.io/team', 'ghcr.io', 'team', true],
    ['ghcr.io/team', 'ghcr.io', 'team/app', true],
    ['ghcr.io/team', 'ghcr.io', 'teams/app', false],
    ['ghcr.io/team', 'ghcr.io', 'other/team', false],
    ['ghcr.io/team/app', 'ghcr.io', 'team', false],
    ['index.docker.io/library', 'registry-1.docker.io', 'library/nginx', true],
    ['docker.io', 'quay.io', 'library/nginx', false],
  ])('%s of %s/%s: %s', (text, registry, repository, isCovered) => {
    expect(covers([parseScope(text)!], registry, repository)).toBe(isCovered);
  });

  it('of one repository has none below it', () => {
    const scope = { registry: 'ghcr.io', path: 'team', isExact: true };
    expect(covers([scope], 'ghcr.io', 'team')).toBe(true);
    expect(covers([scope], 'ghcr.io', 'team/app')).toBe(false);
    expect(coversRegistry([scope], 'ghcr.io')).toBe(false);
    expect(coversRegistry([parseScope('ghcr.io')!], 'GHCR.io')).toBe(true);
  });

  it.each(['', '/a', 'https://ghcr.io/a', 'ghcr.io//a', 'ghcr.io/A', 'ghcr.io/..', 'ghcr.io/a:tag'])(
    '%j is none',
    (text) => expect(parseScope(text)).toBe(undefined),
  );
});
