import { expect, it } from 'vitest';
import { stepLines, stepText } from '#src/web/model/build-step.js';

it.each([
  ['/bin/sh -c #(nop) ADD file:3f1b2c in / ', 'ADD file:3f1b2c in /'],
  ['/bin/sh -c #(nop)  CMD ["sh"]', 'CMD ["sh"]'],
  ['/bin/sh -c apk add nginx', 'RUN apk add nginx'],
  ['RUN /bin/sh -c set -x     && make # buildkit', 'RUN set -x && make'],
  ['RUN /bin/sh -c set -x \t\t&& make # buildkit', 'RUN set -x && make'],
  ['|1 VERSION=3 /bin/sh -c make', 'RUN make'],
  ['COPY a /b # buildkit', 'COPY a /b'],
  ['bazel build ...', 'bazel build ...'],
  ['/bin/sh -c #(nop) ', '/bin/sh -c #(nop)'],
])('%j is %j', (step, expected) => expect(stepText(step)).toBe(expected));

it.each([
  ['RUN /bin/sh -c set -x     && make # buildkit', 'RUN set -x\n  && make'],
  ['RUN /bin/sh -c set -x \t\t&& make\n && strip a', 'RUN set -x\n  && make\n  && strip a'],
  ['RUN printf \x1b[2J', 'RUN printf \\x1B[2J'],
])('%j has the lines %j', (step, expected) => expect(stepLines(step)).toBe(expected));
