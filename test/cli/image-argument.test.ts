import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { imageArgument } from '#src/cli/options/image-argument.js';
import { cleanUp, scratchDirectory } from '../cache/scratch.js';

afterEach(cleanUp);

it.each([
  ['nginx', 'docker.io/library/nginx:latest', undefined],
  ['docker://localhost:5000/x', 'localhost:5000/x:latest', undefined],
  ['oci:layout:tag', 'oci:/work/layout:tag', '/work/layout'],
  ['docker-archive:/x.tar:a:b', 'docker-archive:/x.tar:docker.io/library/a:b', '/x.tar'],
])('%s is handed on as %s', (image, reference, localPath) => {
  expect(imageArgument(image, '/work')).toEqual({ reference, localPath });
});

/** Creates a directory with these layouts, directories (ending in a slash) and files. */
function directoryWith(...names: string[]): string {
  const directory = scratchDirectory();
  for (const name of names) {
    const path = join(directory, name);
    mkdirSync(name.endsWith('/') ? path : join(path, '..'), { recursive: true });
    if (!name.endsWith('/')) writeFileSync(path, '');
  }
  return directory;
}

it.each([
  [['a:b/index.json'], 'oci:a:b:tag', 'a:b', ':tag'],
  [['a:b/index.json', 'a/'], 'oci:./a:b:tag', 'a:b', ':tag'], // `a` is a directory, but not a layout
  [['a:b/index.json', 'a/index.json'], 'oci:a:b:tag', 'a', ':b:tag'],
  [['a:b/'], 'oci:a:b', 'a:b', ''],
  [['x/y:z.tar', 'x/y/'], 'docker-archive:x/y:z.tar', 'x/y:z.tar', ''],
  [['y:z.tar'], 'oci-archive:y:z.tar:@0', 'y:z.tar', ':@0'],
])('with %j, %s is %s%s', (names, image, path, which) => {
  const cwd = directoryWith(...names);
  const place = image.slice(0, image.indexOf(':'));
  expect(imageArgument(image, cwd)).toEqual({
    reference: `${place}:${join(cwd, path)}${which}`,
    localPath: join(cwd, path),
  });
});

it('accepts a colon in the working directory, unless it makes images ambiguous', () => {
  const cwd = join(directoryWith('a:b/img/index.json'), 'a:b');
  expect(imageArgument('oci:img:tag', cwd).reference).toBe(`oci:${cwd}/img:tag`);
  expect(() => imageArgument('oci:nothing', cwd)).toThrow(
    expect.objectContaining({ code: 'NOT_FOUND', message: `${cwd}/nothing: no such file` }),
  );
  const other = join(directoryWith('a:b/img/index.json', 'a/index.json'), 'a:b');
  expect(() => imageArgument('oci:img', other)).toThrow(
    expect.objectContaining({
      code: 'INVALID_REFERENCE',
      message: expect.stringContaining('is an image too'),
    }),
  );
});
