import type { z } from '@hono/zod-openapi';
import { LayerslayerError } from '../../base/errors.js';
import { quoteName } from '../../base/text/quote-name.js';
import { bytesOfText } from '../../base/text/raw-text.js';

type Issue = z.core.$ZodIssue;

/**
 * Returns what is wrong with a query, in one line: its first fault.
 * @param values of the query
 */
export function wrongParameters(
  { issues: [issue] }: z.ZodError,
  values: Readonly<Record<string, string>>,
): LayerslayerError {
  return new LayerslayerError('INVALID_ARGUMENT', issue ? textOf(issue, values) : 'wrong parameters');
}

function textOf(issue: Issue, values: Readonly<Record<string, string>>): string {
  if (issue.code === 'unrecognized_keys')
    return `unknown parameter ${issue.keys.map((key) => quoteName(bytesOfText(key))).join(', ')}`;
  const name = String(issue.path[0] ?? '');
  if (name !== '' && !Object.hasOwn(values, name)) return `parameter ${name} is missing`;
  return `parameter ${name}: ${wantedText(issue)}`;
}

function wantedText(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_value':
      return `want ${issue.values.map((value) => (value === '' ? 'nothing' : String(value))).join(', ')}`;
    case 'too_small':
      return issue.origin === 'string' ? 'is empty' : `want ${issue.minimum} or more`;
    case 'too_big':
      return issue.origin === 'string'
        ? `want at most ${issue.maximum} characters`
        : `want ${issue.maximum} or less`;
    default:
      return issue.message;
  }
}
