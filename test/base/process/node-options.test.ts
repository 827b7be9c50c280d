import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { ownNodeOptions, threadOptions } from '#src/base/process/node-options.js';

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

const NETWORK = ['--dns-result-order=ipv4first', '--no-network-family-autoselection'];

it.each<[string[], string | undefined, object]>([
  [[], undefined, {}],
  [['--max-old-space-size=100', ...NETWORK], '--use-openssl-ca', {}],
  [['--input-type=module', '-e', 'code'], undefined, { execArgv: [] }],
  [['--import', 'tsx', ...NETWORK, '--expose-gc'], undefined, { execArgv: NETWORK }],
  [[], '--require a --max-old-space-size=100', { env: { A: 'b', NODE_OPTIONS: '' } }],
  [[], `-r a ${NETWORK.join(' ')}`, { env: { A: 'b', NODE_OPTIONS: NETWORK.join(' ') } }],
])('a thread of a process with %j and %j', (execArgv, text, wanted) => {
  expect(threadOptions(execArgv, { A: 'b', ...(text && { NODE_OPTIONS: text }) })).toEqual(wanted);
});

it('a thread starts with the options that are left', async () => {
  const words = ['--import=./no-such-file.mjs', ...NETWORK];
  const options = threadOptions(words, { NODE_OPTIONS: words.join(' ') });
  const [status] = await once(new Worker('0', { ...options, eval: true }), 'exit');
  expect(status).toBe(0);
});
