import type { Offers } from './offers.js';
import type { Dialect } from './shell-line.js';

/**
 * The script for fish 3.4 and later. It asks the program at each Tab. Nothing of the line or of the
 * answer is evaluated. The answer's first two lines are which files are offered and the prefix
 * before them. A line for each candidate follows: the whole word, and after a tab its summary.
 */
export const FISH_SCRIPT = `# Completion of layerslayer for fish, made by: layerslayer completion fish

function __layerslayer_complete
    set -l answer (command layerslayer --get-completions fish (commandline -cp | string collect) 2>/dev/null </dev/null)
    set -q answer[3]; and printf '%s\\n' $answer[3..-1]
    contains -- "$answer[1]" file directory; or return
    # What fish itself offers for a path. A quote before the prefix stays open behind it.
    set -l prefix "$answer[2]"
    set -l token (commandline -ct | string collect)
    set -l quote (string match -r '^["\\']' -- "$token")
    set -l path "$quote"(string sub -s (math (string length -- "$quote$prefix") + 1) -- "$token")
    for line in (complete -C "__fish_command_without_completions $path")
        set -l name (string split -m 1 \\t -- $line)[1]
        test "$answer[1]" = directory; and not string match -q '*/' -- $name; and continue
        printf '%s\\n' $prefix$name
    end
end

complete -c layerslayer -f -a '(__layerslayer_complete)'`;

export const FISH_DIALECT: Dialect = {
  escapedInDouble: '$"\\\n',
  escapedInSingle: "\\'",
  breaksAfter: '',
  breaksBefore: '',
};

export function fishAnswer({ prefix, candidates, files }: Offers): string[] {
  const lines = candidates.map(({ text, summary }) => {
    return summary === undefined ? prefix + text : `${prefix}${text}\t${summary}`;
  });
  return [files ?? 'none', prefix, ...lines];
}
