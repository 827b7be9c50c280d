import { oneSlipAway } from '../../command-line/one-slip.js';
import { seeHelp } from '../../command-line/see-help.js';
import { usageError } from '../../options/usage-error.js';

/** Words of other tools that look like a command of `index`, and the spelling here. */
const MEANT: Readonly<Record<string, string>> = {
  push: 'index --push',
  list: 'index ls',
  remove: 'index rm',
  delete: 'index rm',
  help: 'index --help',
};

/**
 * Checks the first word of `index`, before it is taken for an image of Docker Hub.
 * @throws LayerslayerError INVALID_ARGUMENT if it was probably meant as a verb: another word
 *   follows, or it is a lone `help`
 */
export function refuseMistakenVerb(words: readonly string[]): void {
  const [word = ''] = words;
  if (words.length < 2 && word !== 'help') return;
  const slip = oneSlipAway(word, ['ls', 'rm']);
  const meant = Object.hasOwn(MEANT, word) ? MEANT[word] : slip && `index ${slip}`;
  if (meant === undefined) return;
  throw usageError(
    `index ${word} is not known (did you mean ${meant}? An image of that name: ` +
      `index docker.io/library/${word}): ${seeHelp('index')}`,
  );
}
