import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  formatImageLocation,
  parseImageLocation,
  registryReference,
  withAbsolutePath,
} from '#src/oci/image-location.js';

/** As in skopeo. */
const firstColon = () => 0;

describe('where an image is', () => {
  it.each([
    ['oci:dir', { place: 'oci', path: 'dir' }],
    ['oci:/a b/dir:v1.0', { place: 'oci', path: '/a b/dir', tag: 'v1.0' }],
    [
      'oci:dir:docker.io/library/nginx:1@x',
      { place: 'oci', path: 'dir', tag: 'docker.io/library/nginx:1@x' },
    ],
    ['oci:dir@1', { place: 'oci', path: 'dir@1' }],
    ['oci:dir:@3', { place: 'oci', path: 'dir', position: 3 }],
    ['oci:..', { place: 'oci', path: '..' }],
    ['oci-archive:x.tar', { place: 'oci-archive', path: 'x.tar' }],
    ['oci-archive:x.tar:latest', { place: 'oci-archive', path: 'x.tar', tag: 'latest' }],
    ['docker-archive:x.tar', { place: 'docker-archive', path: 'x.tar' }],
    ['docker-archive:x.tar:@0', { place: 'docker-archive', path: 'x.tar', position: 0 }],
    [
      'docker-archive:x.tar:busybox',
      { place: 'docker-archive', path: 'x.tar', tag: 'docker.io/library/busybox:latest' },
    ],
    [
      'docker-archive:x.tar:localhost:5000/a/b:c',
      { place: 'docker-archive', path: 'x.tar', tag: 'localhost:5000/a/b:c' },
    ],
  ])('%s', (text, location) => {
    expect(parseImageLocation(text, firstColon)).toEqual(location);
    expect(parseImageLocation(formatImageLocation(location as never), firstColon)).toEqual(location);
  });

  it.each([
    ['nginx:alpine', 'docker.io/library/nginx:alpine'],
    ['docker://localhost:5000/x', 'localhost:5000/x:latest'],
    ['oci', 'docker.io/library/oci:latest'],
    ['oci/x:1', 'docker.io/oci/x:1'],
    ['ocix:1', 'docker.io/library/ocix:1'],
    ['docker-archive', 'docker.io/library/docker-archive:latest'],
  ])('%s is in a registry', (text, canonical) => {
    const location = parseImageLocation(text, firstColon);
    expect([location.place, formatImageLocation(location)]).toEqual(['registry', canonical]);
    expect(withAbsolutePath(location, () => 'elsewhere')).toBe(location);
  });

  it.each([
    ['oci:', /the directory is missing/],
    ['oci::tag', /the directory is missing/],
    ['docker-archive:', /the file is missing/],
    ['oci:dir:', /nothing follows the last colon/],
    ['oci:dir:@', /no place in a list/],
    ['oci:dir:@-1', /no place in a list/],
    ['oci:dir:@1x', /no place in a list/],
    ['oci:d\0r', /NUL/],
    ['docker-archive:x.tar:UPPER', /must be lower case/],
    [`docker-archive:x.tar:a@sha256:${'ab'.repeat(32)}`, /knows no digests/],
    [`oci:${'x'.repeat(5000)}`, /longer than 4096 characters/],
    ['docker://', /it is empty/],
    ['dir:/x', /is not a registry host/],
  ])('%s is refused', (text, why) => {
    const parse = () => parseImageLocation(text, firstColon);
    expect(parse).toThrow(expect.objectContaining({ code: 'INVALID_REFERENCE' }));
    expect(parse).toThrow(why);
  });

  it.each(['docker-daemon:nginx:latest', 'containers-storage:nginx'])('%s is UNSUPPORTED', (text) => {
    expect(() => parseImageLocation(text, firstColon)).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED' }),
    );
  });

  it.each([
    ['oci:dir', '/work', 'oci:/work/dir'],
    ['oci:../x/./dir/:tag', '/work', 'oci:/x/dir:tag'],
    ['oci-archive:/abs.tar:@1', '/work', 'oci-archive:/abs.tar:@1'],
    ['docker-archive:x.tar:a', '/work', 'docker-archive:/work/x.tar:docker.io/library/a:latest'],
  ])('%s in %s is %s', (text, cwd, wanted) => {
    const absolute = withAbsolutePath(parseImageLocation(text, firstColon), (path) => resolve(cwd, path));
    expect(formatImageLocation(absolute)).toBe(wanted);
  });

  it.each([
    // text, existing paths, path, tag
    ['oci:/a:b:t', ['/a:b'], '/a:b', 't'],
    ['oci:/a:b:t', ['/a', '/a:b'], '/a', 'b:t'],
    ['oci:/a:b:t', ['/a:b:t'], '/a:b:t', undefined],
    ['oci:/a:b:t', [], '/a', 'b:t'],
    ['oci:/a:', ['/a:'], '/a:', undefined],
    ['docker-archive:/x/y:z.tar', ['/x/y:z.tar'], '/x/y:z.tar', undefined],
    ['docker-archive:/x/y:z.tar:a:1', ['/x/y:z.tar'], '/x/y:z.tar', 'docker.io/library/a:1'],
    ['oci-archive:a:b:c:@1', ['a:b:c'], 'a:b:c', undefined],
  ])('%s, where %j exists, is %s with tag %s', (text, there, path, tag) => {
    const location = parseImageLocation(text, (_place, paths) =>
      paths.findIndex((one) => there.includes(one)),
    );
    expect(location).toMatchObject({ path, ...(tag !== undefined && { tag }) });
    expect('tag' in location).toBe(tag !== undefined);
  });

  it('is a registry, or not, whatever paths there are', () => {
    expect(registryReference('docker://busybox')).toMatchObject({ repository: 'library/busybox' });
    expect(registryReference('docker-archive:/x/y:z.tar:docker.io/library/a:1')).toBeUndefined();
    expect(registryReference('oci:/a:')).toBeUndefined();
  });
});
