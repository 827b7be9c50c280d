import { expect, it } from 'vitest';
import { ownNodeOptions } from '#src/daemon/node-options.js';

it.each([
  ['', ''],
  ['--enable-source-maps  --max-old-space-size=100', '--enable-source-maps --max-old-space-size=100'],
  ['--require ./a.js --use-openssl-ca', '--use-openssl-ca'],
  ['--require=dd-trace/init', ''],
  ['-r a --import tsx --import=b --loader c', ''],
  ['--require "/with space/a.js" --dns-result-order=ipv4first', '--dns-result-order=ipv4first'],
  ['"--require=/with \\"quote/a.js" --a="x y"', '--a="x y"'],
  ['--inspect-brk --inspect=1.2.3.4:5 --inspect-publish-uid=http --b', '--b'],
  ['--requirements --imports', '--requirements --imports'],
  ['--require', ''],
])('%j is %j', (given, wanted) => expect(ownNodeOptions(given)).toBe(wanted));
