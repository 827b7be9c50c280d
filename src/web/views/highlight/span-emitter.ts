import type { Spans } from './colored-parts.js';

/**
 * What highlight.js writes its result to, instead of HTML: the page makes text nodes of the parts,
 * so that no content of an image is ever parsed as HTML.
 */
export class SpanEmitter {
  readonly spans: Spans = { parts: [], scopes: [] };
  #length = 0;
  readonly #open: string[] = [];

  addText(text: string): void {
    const scope = this.#open.at(-1);
    if (scope !== undefined && text !== '') this.#add(this.#length, this.#length + text.length, scope);
    this.#length += text.length;
  }

  startScope(name: string): void {
    this.openNode(name);
  }

  endScope(): void {
    this.closeNode();
  }

  openNode(name: string): void {
    this.#open.push(name.split('.')[0]!);
  }

  closeNode(): void {
    this.#open.pop();
  }

  /** Adds what another language found in a part. */
  __addSublanguage(emitter: SpanEmitter): void {
    const { parts, scopes } = emitter.spans;
    for (let at = 0; at < parts.length; at += 3)
      this.#add(this.#length + parts[at]!, this.#length + parts[at + 1]!, scopes[parts[at + 2]!]!);
    this.#length += emitter.#length;
  }

  finalize(): void {
    this.#open.length = 0;
  }

  toHTML(): string {
    return '';
  }

  #add(start: number, end: number, scope: string): void {
    const { parts, scopes } = this.spans;
    let number = scopes.indexOf(scope);
    if (number === -1) number = scopes.push(scope) - 1;
    if (parts.at(-1) === number && parts.at(-2) === start) parts[parts.length - 2] = end;
    else parts.push(start, end, number);
  }
}
