/** One challenge of a WWW-Authenticate header. RFC 9110, section 11.6.1. */
export interface Challenge {
  scheme: string; // lower case: `bearer`, `basic`
  token68?: string;
  /** By lower-case name: a Map, as the registry chooses them. Omits empty values (`scope=""`). */
  params: ReadonlyMap<string, string>;
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=\s*(?:,|$))/y;
const QUOTED = /"((?:[^"\\]|\\[\s\S])*)"/y;
const SPACE = /[ \t]*/y;
/** Such a word is no token68, but a scheme before another one without a comma (seen). */
const IS_SCHEME = /^(basic|bearer)$/i;
/** Some registries omit required quotes (URLs, scopes): the value ends at a comma. */
const BARE_VALUE = /[^,"\s][^,\s]*/y;

/**
 * Returns all challenges of a header, in order. Several may share a line. Commas separate both
 * challenges and parameters: `Bearer realm="a,b",scope="x", Basic`. Text that does not fit the
 * grammar ends the parsing; the challenges before it count.
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(header) ?? undefined;
    if (found) at = pattern.lastIndex;
    return found;
  };
  const separators = () => {
    for (;;) {
      match(SPACE);
      if (header[at] !== ',') return;
      at++;
    }
  };
  for (separators(); at < header.length; separators()) {
    const scheme = match(TOKEN)?.[0];
    if (scheme === undefined) break;
    const params = new Map<string, string>();
    const challenge: Challenge = { scheme: scheme.toLowerCase(), params };
    challenges.push(challenge);
    if (match(SPACE)?.[0] === '') continue;
    const token68 = match(TOKEN68)?.[0];
    // `Bearer scope=,realm=…`: these two schemes have no token68, but parameters without a value.
    const isEmptyParameter = IS_SCHEME.test(scheme) && token68?.endsWith('=');
    if (token68 !== undefined && !IS_SCHEME.test(token68) && !isEmptyParameter) {
      challenge.token68 = token68;
      continue;
    }
    if (token68 !== undefined) at -= token68.length;
    for (;;) {
      const start = at;
      separators();
      const name = match(TOKEN)?.[0];
      match(SPACE);
      if (name === undefined || header[at] !== '=') {
        at = start; // the next challenge, or the end
        break;
      }
      at++;
      match(SPACE);
      const isEmpty = at >= header.length || header[at] === ',';
      const value = isEmpty
        ? ''
        : (match(QUOTED)?.[1]?.replace(/\\([\s\S])/g, '$1') ?? match(BARE_VALUE)?.[0]);
      if (value === undefined) return challenges;
      // The first counts: a second realm must not replace the one that was checked.
      if (value.trim() !== '' && !params.has(name.toLowerCase())) params.set(name.toLowerCase(), value);
    }
  }
  return challenges;
}
