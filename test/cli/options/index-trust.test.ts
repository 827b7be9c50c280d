import { describe, expect, it } from 'vitest';
import { parseArguments } from '#src/cli/command-line/parse-arguments.js';
import { INSPECT } from '#src/cli/commands/inspect/declaration.js';
import { INDEX_TRUSTS, indexTrust } from '#src/cli/options/index-trust.js';

describe('--index', () => {
  it.each([
    [undefined, false, 'exact'],
    [undefined, true, 'trusted'],
    ['none', true, 'none'],
    ['image', true, 'image'],
    ...INDEX_TRUSTS.map((trust) => [trust, false, trust] as const),
  ] as const)('of %j, with an index repository: %s, is %s', (given, hasRepository, trust) => {
    expect(indexTrust(given, hasRepository)).toBe(trust);
  });

  it.each(['', 'all', 'EXACT', 'constructor'])('refuses %j as wrong usage', (given) => {
    expect(() => parseArguments([`--index=${given}`, 'img'], INSPECT)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/none.*exact/),
      }),
    );
  });
});
