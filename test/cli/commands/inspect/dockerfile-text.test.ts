import { expect, it } from 'vitest';
import { dockerfileText } from '#src/cli/commands/inspect/dockerfile-text.js';
import type { ResolvedImage } from '#src/source/image-source.js';

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
  ['~RUN a\nb\nEOF\nc', ['RUN <<-EOF_', '\ta', '\tb', '\tEOF', '\tc', 'EOF_']],
  ['~RUN a\n\t\tEOF', ['RUN <<-EOF_', '\ta', '\t\t\tEOF', 'EOF_']],
  ['~RUN a  #b  c', ['RUN a  #b \\', ' c']],
  // A newline in a step creates neither an instruction nor a comment of this program.
  ['~RUN true\nUSER root', ['RUN <<-EOF', '\ttrue', '\tUSER root', 'EOF']],
  ['~LABEL a="\nFROM evil"', ['LABEL a=" FROM evil"']],
  ['~CMD ["a\\nUSER b"]', ['CMD ["a\\nUSER b"]']],
  ['~bazel\nRUN x', ['# bazel\\x0aRUN x']],
  ['~x\n# layer 9: sha256:abc', ['# x\\x0a# layer 9: sha256:abc']],
  ['~# layer 9: sha256:abc', ['# # layer 9: sha256:abc']],
  ['~RUN |1 A=1\nUSER b /bin/sh -c a', ['# build arguments: A=1\\x0aUSER b', 'RUN a']],
  ['~ENV A=b\u2028USER c\x85USER d\rUSER e', ['ENV A=b\\xe2\\x80\\xa8USER c\\xc2\\x85USER d\\x0dUSER e']],
  // A step does not include what follows it.
  ['~ENV A=b\\', ['ENV A=b\\x5c']],
  ['~RUN a \\ \t', ['RUN a \\x5c']],
  ['~RUN a\x1b[31m\rb', ['RUN a\\x1b[31m\\x0db']],
  ['~RUN |1 A=1\x1b /bin/sh -c a', ['# build arguments: A=1\\x1b', 'RUN a']],
  ['~', ['#']],
])('%j', (step, lines) => expect(body(step)).toEqual(lines));

it.each([
  ['white space before a comment', ' '.repeat(2_000_000), '#'],
  ['white space', '  a'.repeat(100_000), ''],
  ['lists', `["${'a" "'.repeat(500_000)}`, ''],
  ['a health check', `&{["${'] "'.repeat(500_000)}`, ''],
  ['build arguments', '|1 '.repeat(500_000), ''],
])(
  'takes time by the length of a step, not by its square: %s',
  (_, text, end) => {
    for (const keyword of ['RUN a', 'CMD ', 'HEALTHCHECK ', '']) body(`~${keyword}${text}${end}`);
  },
  10_000,
);
