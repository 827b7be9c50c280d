import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dockerfileSteps } from '#src/oci/dockerfile-step.js';

const step = (createdBy: string) => ({ createdBy, emptyLayer: false });
const instruction = (createdBy: string) => {
  const [{ keyword, text, buildArguments }] = dockerfileSteps([step(createdBy)]) as [
    { keyword?: string; text: string; buildArguments?: string },
  ];
  return `${buildArguments === undefined ? '' : `(${buildArguments}) `}${keyword ?? '?'} ${text}`;
};

describe('a step of the history', () => {
  it.each([
    // docker's first builder
    ['/bin/sh -c #(nop) ADD file:1234 in / ', 'ADD file:1234 in /'],
    ['/bin/sh -c #(nop)  CMD ["bash"]', 'CMD ["bash"]'],
    ['/bin/sh -c #(nop)  CMD ["nginx" "-g" "daemon off;"]', 'CMD ["nginx", "-g", "daemon off;"]'],
    ['/bin/sh -c #(nop)  ENV A=b', 'ENV A=b'],
    ['/bin/sh -c apt-get update', 'RUN apt-get update'],
    ['|2 A=1 B=two words /bin/sh -c make B', '(A=1 B=two words) RUN make B'],
    ['cmd /S /C #(nop)  ENV A=b', 'ENV A=b'],
    // buildkit
    ['RUN /bin/sh -c apt-get update # buildkit', 'RUN apt-get update'],
    ['RUN |1 A=1 /bin/sh -c make # buildkit', '(A=1) RUN make'],
    ['COPY a b # buildkit', 'COPY a b'],
    ['COPY --chown=1:1 a b', 'COPY --chown=1:1 a b'],
    ['EXPOSE map[80/tcp:{} 443/tcp:{}]', 'EXPOSE 80/tcp 443/tcp'],
    ['EXPOSE [80/tcp]', 'EXPOSE 80/tcp'],
    ['EXPOSE 80', 'EXPOSE 80'],
    ['VOLUME [/data /logs]', 'VOLUME ["/data", "/logs"]'],
    ['VOLUME ["/data"]', 'VOLUME ["/data"]'],
    ['ENTRYPOINT ["a" "b \\"c\\""]', 'ENTRYPOINT ["a", "b \\"c\\""]'],
    ['CMD ["\\x1b"]', 'CMD ["\\x1b"]'], // Go's escape, no JSON
    ['CMD run me', 'CMD run me'],
    [
      'HEALTHCHECK &{["CMD-SHELL" "curl -f http://x || exit 1"] "30s" "3s" "0s" "0s" \'\\x03\'}',
      'HEALTHCHECK --interval=30s --timeout=3s --retries=3 CMD curl -f http://x || exit 1',
    ],
    [
      'HEALTHCHECK &{["CMD" "a" "b"] "0s" "0s" "5s" \'\\x00\'}',
      'HEALTHCHECK --start-period=5s CMD ["a", "b"]',
    ],
    ['HEALTHCHECK &{["NONE"] "0s" "0s" "0s" \'\\x00\'}', 'HEALTHCHECK NONE'],
    ['HEALTHCHECK CMD x', 'HEALTHCHECK CMD x'],
    // others
    ['RUN apt-get update', 'RUN apt-get update'],
    ['bazel build //app', '? bazel build //app'],
    ["# debian.sh --arch 'amd64'", "? # debian.sh --arch 'amd64'"],
    ['RUNNING x', '? RUNNING x'],
    ['', '? '],
  ])('%j', (createdBy, wanted) => expect(instruction(createdBy)).toBe(wanted));

  it('without a command tells its comment', () => {
    expect(dockerfileSteps([{ emptyLayer: false, comment: 'imported' }])).toEqual([
      { keyword: undefined, text: 'imported' },
    ]);
  });

  it('runs in the shell that was set before it', () => {
    const history = [
      step('RUN /bin/bash -o pipefail -c a'),
      step('SHELL [/bin/bash -o pipefail -c]'),
      step('RUN /bin/bash -o pipefail -c b # buildkit'),
      step('/bin/sh -c c'),
    ];
    expect(dockerfileSteps(history).map(({ keyword, text }) => `${keyword} ${text}`)).toEqual([
      'RUN /bin/bash -o pipefail -c a',
      'SHELL ["/bin/bash", "-o", "pipefail", "-c"]',
      'RUN b',
      'RUN c',
    ]);
  });

  it('may say anything', () => {
    const pieces = fc.constantFrom(
      ...[
        '|1 ',
        '/bin/sh -c ',
        '#(nop) ',
        'RUN ',
        'CMD ',
        'HEALTHCHECK &{[',
        ']',
        '"',
        '\\',
        '}',
        "'",
        ' ',
        'x',
      ],
      ...['\n', ' # buildkit', 'SHELL ['],
    );
    fc.assert(
      fc.property(fc.array(fc.string({ unit: pieces, maxLength: 12 })), (texts) => {
        const steps = dockerfileSteps(texts.map(step));
        expect(steps).toHaveLength(texts.length);
        for (const { keyword } of steps) expect(keyword ?? 'RUN').toMatch(/^[A-Z]+$/);
      }),
    );
  });
});
