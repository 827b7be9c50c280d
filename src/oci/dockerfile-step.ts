import type { HistoryStep } from './image-config.js';

/** A step of the history as an instruction of a Dockerfile, as far as the history has it. */
export interface DockerfileStep {
  keyword: string | undefined; // RUN, COPY …; undefined: not an instruction
  text: string; // after the keyword; everything if there is none
  buildArguments?: string; // NAME=value …, set before the command
}

const KEYWORDS = new Set(
  (
    'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER ' +
    'VOLUME WORKDIR'
  ).split(' '),
);

/**
 * docker's first builder writes instructions that run nothing as `/bin/sh -c #(nop)  CMD ["bash"]`.
 */
const NOP = /^\S+(?: \S+){1,3} #\(nop\)\s+/;
/** buildkit's mark on the steps of its Dockerfile frontend. */
const SIGNATURE = / # buildkit$/;
/** `|2 A=1 B=2 /bin/sh -c …`: build arguments come before the shell. */
const ARGUMENTS = /^\|\d+ (.*?) (?=\/bin\/sh -c )/s;
const DEFAULT_SHELL = '/bin/sh -c';

/**
 * Returns the steps of a history, first step first. The default shell of a `RUN` is omitted:
 * `/bin/sh -c`, or the shell that the last `SHELL` set.
 */
export function dockerfileSteps(history: readonly HistoryStep[]): DockerfileStep[] {
  let shell = DEFAULT_SHELL;
  return history.map(({ createdBy, comment }) => {
    const step = parseStep(createdBy ?? comment ?? '', shell);
    if (step.keyword === 'SHELL') shell = parseList(step.text)?.join(' ') ?? shell;
    return step;
  });
}

/** Returns a step as one line: `RUN make install`. */
export function stepLine({ keyword = '', text }: DockerfileStep): string {
  return `${keyword} ${text}`.replace(/\s+/g, ' ').trim();
}

function parseStep(told: string, shell: string): DockerfileStep {
  const text = told.replace(SIGNATURE, '').trim();
  const bare = text.replace(NOP, '');
  const keyword = /^[A-Z]+(?=\s|$)/.exec(bare)?.[0];
  if (keyword !== undefined && KEYWORDS.has(keyword) && keyword !== 'RUN') {
    return { keyword, text: normalText(keyword, bare.slice(keyword.length).trim()) };
  }
  const isRun = keyword === 'RUN';
  const command = isRun ? bare.slice('RUN'.length).trim() : bare;
  const withArguments = ARGUMENTS.exec(command);
  const line = withArguments ? command.slice(withArguments[0].length) : command;
  const used = [shell, DEFAULT_SHELL].find((one) => line.startsWith(`${one} `));
  // Without a keyword, only a shell shows that something was run.
  if (!isRun && used === undefined) return { keyword: undefined, text: bare };
  return {
    keyword: 'RUN',
    text: used === undefined ? line : line.slice(used.length).trim(),
    ...(withArguments && { buildArguments: withArguments[1]! }),
  };
}

/** Builders write lists and maps as Go prints them (`%v`, `%q`). */
function normalText(keyword: string, text: string): string {
  switch (keyword) {
    case 'CMD':
    case 'ENTRYPOINT':
    case 'SHELL':
    case 'VOLUME': {
      const list = parseList(text);
      return list ? listText(list) : text;
    }
    case 'EXPOSE': // `map[80/tcp:{} 443/tcp:{}]`
      return text.replace(/^(?:map)?\[(.*)\]$/s, '$1').replaceAll(':{}', '');
    case 'HEALTHCHECK':
      return healthcheckText(text) ?? text;
    default:
      return text;
  }
}

/** Parses `["a" "b"]`, `["a","b"]` or `[a b]`; undefined for other text. */
function parseList(text: string): string[] | undefined {
  const bare = /^\[([^"]+)\]$/s.exec(text)?.[1];
  if (bare !== undefined) return bare.split(' ');
  if (!/^\[\s*(?:"(?:[^"\\]|\\.)*"[\s,]*)*\]$/s.test(text)) return undefined;
  const strings = text.match(/"(?:[^"\\]|\\.)*"/gs) ?? [];
  try {
    return strings.map((one) => JSON.parse(one) as string);
  } catch {
    return undefined; // escapes that only Go has
  }
}

function listText(list: readonly string[]): string {
  return `[${list.map((one) => JSON.stringify(one)).join(', ')}]`;
}

/**
 * Parses buildkit's `&{["CMD-SHELL" "curl -f x"] "30s" "3s" "0s" "0s" '\x03'}`: test, interval,
 * timeout, start period (and interval), retries.
 */
function healthcheckText(text: string): string | undefined {
  const parts = /^&\{(\[.*\]) ((?:"[^"]*" )+)'(.*)'\}$/s.exec(text);
  const test = parts && parseList(parts[1]!);
  if (!parts || !test) return undefined;
  if (test[0] === 'NONE') return 'NONE';
  const times = parts[2]!.trim().replaceAll('"', '').split(' ');
  const names = ['interval', 'timeout', 'start-period', 'start-interval'];
  const options = times.flatMap((time, i) => (time === '0s' ? [] : `--${names[i]}=${time} `)).join('');
  const retries = /^\\x([0-9a-f]{2})$/.exec(parts[3]!)?.[1];
  const tries = retries === undefined || retries === '00' ? '' : `--retries=${Number.parseInt(retries, 16)} `;
  const command = test[0] === 'CMD-SHELL' ? test.slice(1).join(' ') : listText(test.slice(1));
  return `${options}${tries}CMD ${command}`;
}
