// Runs one task of a test, which is sent to stdin as its source and arguments. Prints its result or
// its error.
import * as fs from 'node:fs';
import { libc } from './libc.mjs';

/** How a call ends: `ok`, or the code of its error. */
const errorOf = (call) => {
  try {
    call();
    return 'ok';
  } catch (error) {
    return error.code ?? String(error);
  }
};

const { source, args } = JSON.parse(fs.readFileSync(0, 'utf8'));
const task = new Function(`return (${source});`)();
try {
  const value = await task({ fs, libc, errorOf, Buffer }, ...args);
  process.stdout.write(JSON.stringify({ value: value ?? null }));
} catch (error) {
  process.stdout.write(JSON.stringify({ error: error.stack, code: error.code }));
}
