import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatReference, manifestName, parseReference } from '#src/oci/reference.js';

const DIGEST = `sha256:${'ab'.repeat(32)}`;

describe('a reference in docker’s grammar', () => {
  test.each([
    // as typed, canonical
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:alpine', 'docker.io/library/nginx:alpine'],
    ['bitnami/redis', 'docker.io/bitnami/redis:latest'],
    ['docker.io/nginx', 'docker.io/library/nginx:latest'],
    ['index.docker.io/nginx', 'docker.io/library/nginx:latest'],
    ['docker.io/library/nginx', 'docker.io/library/nginx:latest'],
    ['localhost/x', 'localhost/x:latest'],
    ['localhost:5000/x', 'localhost:5000/x:latest'],
    ['127.0.0.1:5000/a/b:c', '127.0.0.1:5000/a/b:c'],
    ['[::1]:5000/x', '[::1]:5000/x:latest'],
    ['[fd00::1]/x', '[fd00::1]/x:latest'],
    ['ghcr.io/o/r', 'ghcr.io/o/r:latest'],
    ['ghcr.io/o/r:tag', 'ghcr.io/o/r:tag'],
    [`ghcr.io/o/r@${DIGEST}`, `ghcr.io/o/r@${DIGEST}`],
    [`ghcr.io/o/r:tag@${DIGEST}`, `ghcr.io/o/r:tag@${DIGEST}`],
    [`nginx@sha512:${'0'.repeat(128)}`, `docker.io/library/nginx@sha512:${'0'.repeat(128)}`],
    // a first component without dot, port or upper case is no host
    ['myhost/x', 'docker.io/myhost/x:latest'],
    ['MYHOST/x', 'MYHOST/x:latest'],
    ['a.b/c__d/e-f--g/h.i', 'a.b/c__d/e-f--g/h.i:latest'],
    ['x:5000', 'docker.io/library/x:5000'],
    ['x:_Tag.9-', 'docker.io/library/x:_Tag.9-'],
  ])('%s is %s', (typed, canonical) => {
    expect(formatReference(parseReference(typed))).toBe(canonical);
  });

  test('a digest beats a tag', () => {
    expect(manifestName(parseReference(`x:tag@${DIGEST}`))).toBe(DIGEST);
    expect(manifestName(parseReference('x:tag'))).toBe('tag');
    expect(manifestName(parseReference('x'))).toBe('latest');
  });

  test.each([
    ['', 'empty'],
    ['Nginx', 'lower case'],
    ['ghcr.io/Owner/r', 'lower case'],
    ['https://ghcr.io/o/r', 'http'],
    ['x y', 'white space'],
    ['x:', 'not a tag'],
    ['x:-a', 'not a tag'],
    [`x:${'a'.repeat(129)}`, 'not a tag'],
    ['x@sha256:abc', 'digest'],
    ['x@md5:d41d8cd98f00b204e9800998ecf8427e', 'digest'],
    [`x@${DIGEST.toUpperCase()}`, 'digest'],
    [`x@${DIGEST}@${DIGEST}`, 'digest'],
    ['ghcr.io/', 'missing'],
    ['ghcr.io//x', 'empty component'],
    ['ghcr.io/x/', 'empty component'],
    ['ghcr.io/../x', 'cannot be part'],
    ['ghcr.io/a%2fb', 'cannot be part'],
    ['ghcr.io/a___b', 'cannot be part'],
    ['ghcr.io/-a', 'cannot be part'],
    ['-bad.io/x', 'registry host'],
    ['bad_host.io/x', 'registry host'],
    ['a.0/x', 'registry host'],
    ['1.2.3.256:5000/x', 'registry host'],
    ['[:::]/x', 'registry host'],
    ['user:pw@ghcr.io/x', 'digest'],
    ['localhost:99999/x', 'port'],
    ['localhost:/x', 'registry host'],
    ['a'.repeat(64), 'image ID'],
    [`ghcr.io/${'a/'.repeat(127)}aa`, 'longer than'],
    ['x'.repeat(2000), 'longer than'],
  ])('%s is refused: %s', (typed, why) => {
    expect(() => parseReference(typed)).toThrow(expect.objectContaining({ code: 'INVALID_REFERENCE' }));
    expect(() => parseReference(typed)).toThrow(why);
  });

  test('what is accepted is a fixed point, and safe in a URL', () => {
    const part = fc.stringMatching(/^[a-z0-9]+([._-][a-z0-9]+)?$/);
    const typed = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc
        .tuple(
          fc.constantFrom('', 'localhost:5000/', 'ghcr.io/', 'X/'),
          fc.array(part, { minLength: 1, maxLength: 4 }),
        )
        .chain(([host, parts]) =>
          fc.constantFrom('', ':v1', `@${DIGEST}`).map((end) => `${host}${parts.join('/')}${end}`),
        ),
    );
    let accepted = 0;
    fc.assert(
      fc.property(typed, (text) => {
        let canonical: string;
        try {
          canonical = formatReference(parseReference(text));
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_REFERENCE' });
          return;
        }
        accepted++;
        expect(formatReference(parseReference(canonical))).toBe(canonical);
        const { registry, repository } = parseReference(canonical);
        expect(new URL(`https://${registry}/v2/${repository}/manifests/x`).pathname).toBe(
          `/v2/${repository}/manifests/x`,
        );
      }),
    );
    expect(accepted).toBeGreaterThan(10);
  });
});
