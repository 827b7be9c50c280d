import { HttpFault } from './http-status.js';

const JSON_TYPES = ['application/json', '*/*', 'application/*'];
const LINES = 'application/x-ndjson';

/**
 * Returns the form that a client accepts: a page of JSON, or lines. `*` is a page.
 * (RFC 9110, 12.5.1)
 * @throws HttpFault NOT_ACCEPTABLE
 */
export function acceptedForm(accept: string | undefined): 'page' | 'lines' {
  const types = acceptedTypes(accept);
  if (types.some((type) => JSON_TYPES.includes(type))) return 'page';
  if (types.includes(LINES)) return 'lines';
  throw new HttpFault('NOT_ACCEPTABLE', `want application/json or ${LINES}`);
}

/** Checks that a client accepts lines, which a route has only. @throws HttpFault NOT_ACCEPTABLE */
export function checkAcceptsLines(accept: string | undefined): void {
  if (acceptedTypes(accept).some((type) => [LINES, '*/*', 'application/*'].includes(type))) return;
  throw new HttpFault('NOT_ACCEPTABLE', `want ${LINES}`);
}

/** Types without those that the client refuses by `q=0`. */
function acceptedTypes(accept = '*/*'): string[] {
  return accept
    .split(',')
    .filter((part) => !/;\s*q=0(\.0*)?\s*(;|$)/i.test(part))
    .map((part) => part.split(';')[0]!.trim().toLowerCase());
}
