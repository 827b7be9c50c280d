import { expect, it } from 'vitest';
import { dockerfileText } from '#dist/cli/dockerfile-text.js';
import type { ResolvedImage } from '#dist/image/image-source.js';

const digest = (n: number) => `sha256:${String(n).repeat(64)}`;

/** An image with these steps; each one without `~` made a layer. */
function imageOf(...steps: string[]): ResolvedImage {
  const history = steps.map((text) => ({
    createdBy: text.replace(/^~/, ''),
    emptyLayer: text.startsWith('~'),
  }));
  const layers = history
    .filter(({ emptyLayer }) => !emptyLayer)
    .map((_, i) => ({ mediaType: 'x', digest: digest(i + 1), size: 1024 * (i + 1) }));
  return {
    reference: 'docker.io/library/app:latest',
    digest: digest(9),
    platform: { os: 'linux', architecture: 'amd64' },
    manifest: { mediaType: 'm', config: { mediaType: 'c', digest: digest(8), size: 1 }, layers },
    config: { diffIds: [], history, container: { env: [], exposedPorts: [], volumes: [], labels: {} } },
  } as unknown as ResolvedImage;
}

/** Without the two lines on top. */
const body = (...steps: string[]) =>
  dockerfileText(imageOf(...steps))
    .split('\n')
    .slice(2);

it('says whose steps these are', () => {
  expect(dockerfileText(imageOf())).toBe(
    `# docker.io/library/app:latest@${digest(9)} (linux/amd64)\nFROM scratch`,
  );
});

it('tells which step made which layer', () => {
  expect(body('~ENV A=b', 'COPY a b # buildkit', '|1 A=1 /bin/sh -c x')).toEqual([
    'ENV A=b',
    '# layer 1: sha256:111111111111…, 1.0 KiB',
    'COPY a b',
    '# layer 2: sha256:222222222222…, 2.0 KiB',
    '# build arguments: A=1',
    'RUN x',
  ]);
});

it.each([
  ['~RUN a     && b  # c', ['RUN a \\', '    && b  # c']],
  ['~RUN a; \t\tb; \tc', ['RUN a; \\', '\t\tb; \\', '\tc']],
  ['~ENV A=b\nUSER c', ['ENV A=b USER c']],
  ['~RUN a\nb\nEOF\nc', ['RUN <<EOF_', 'a', 'b', 'EOF', 'c', 'EOF_']],
  ['~bazel\nRUN x', ['# bazel', '# RUN x']],
  ['~# a\n#b', ['# a', '#b']],
  ['~RUN a\x1b[31m\rb', ['RUN a\\x1b[31m\\x0db']],
  ['~RUN |1 A=1\x1b /bin/sh -c a', ['# build arguments: A=1\\x1b', 'RUN a']],
  ['~', ['#']],
])('%j', (step, lines) => expect(body(step)).toEqual(lines));
