import type { PathMatcher } from './entry-query.js';
import { globMatcher } from './glob-matcher.js';

/**
 * Returns a matcher of a pattern, or of a regular expression, whose engine is loaded then.
 * @throws LayerslayerError INVALID_ARGUMENT as `globMatcher` and `regexMatcher`
 */
export async function pathMatcher(
  text: string,
  { isRegex, ignoresCase }: { isRegex: boolean; ignoresCase: boolean },
): Promise<PathMatcher> {
  if (!isRegex) return globMatcher(text, { ignoresCase });
  const { regexMatcher } = await import('./regex-matcher.js');
  return regexMatcher(text, { ignoresCase });
}
