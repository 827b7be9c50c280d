import { expect, it } from 'vitest';
import { stepText } from '#src/web/model/build-step.js';

it.each([
  ['/bin/sh -c #(nop) ADD file:3f1b2c in / ', 'ADD file:3f1b2c in /'],
  ['/bin/sh -c #(nop)  CMD ["sh"]', 'CMD ["sh"]'],
  ['/bin/sh -c apk add nginx', 'RUN apk add nginx'],
  ['RUN /bin/sh -c set -x     && make # buildkit', 'RUN set -x\n  && make'],
  ['RUN /bin/sh -c set -x \t\t&& make # buildkit', 'RUN set -x\n  && make'],
  ['|1 VERSION=3 /bin/sh -c make', 'RUN make'],
  ['COPY a /b # buildkit', 'COPY a /b'],
  ['bazel build ...', 'bazel build ...'],
  ['/bin/sh -c #(nop) ', '/bin/sh -c #(nop) '],
])('%j is shown as %j', (step, expected) => expect(stepText(step)).toBe(expected));
