import { expect, it } from 'vitest';
import { imageArgument } from '#dist/cli/image-argument.js';

it.each([
  ['nginx', 'docker.io/library/nginx:latest', undefined],
  ['docker://localhost:5000/x', 'localhost:5000/x:latest', undefined],
  ['oci:layout:tag', 'oci:/work/layout:tag', '/work/layout'],
  ['docker-archive:/x.tar:a:b', 'docker-archive:/x.tar:docker.io/library/a:b', '/x.tar'],
])('%s is handed on as %s', (image, reference, localPath) => {
  expect(imageArgument(image, '/work')).toEqual({ reference, localPath });
});
