import { expect, it } from 'vitest';
import { FETCHING_COMMANDS, READING_COMMANDS } from '#src/cli/command-line/reading-commands.js';
import { COMMANDS } from '#src/cli/command-table.js';

const withOption = (option: string) =>
  COMMANDS.filter(({ options }) => option in options).map(({ name }) => name);

it('each command that opens images of registries is prepared for a low limit of address space', () => {
  expect([...READING_COMMANDS].sort()).toEqual(withOption('insecure').sort());
});

it('the fetch thread of each starts early, unless a daemon has it or it may not be needed', () => {
  const others = ['find', 'mount', 'interactive'];
  const expected = withOption('token-file').filter((name) => !others.includes(name));
  expect([...FETCHING_COMMANDS].sort()).toEqual(expected.sort());
});
