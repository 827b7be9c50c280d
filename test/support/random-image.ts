import fc from 'fast-check';
import { dir, file, hardlink, opaque, symlink, tarOf, whiteout } from './tar.js';

/** An instruction for the next member of a layer. Numbers choose among what is there. */
interface Step {
  what: 'file' | 'symlink' | 'hardlink' | 'whiteout' | 'opaque';
  names: readonly string[];
  choice: number;
  size: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom(
    'file',
    'file',
    'file',
    'file',
    'symlink',
    'hardlink',
    'hardlink',
    'whiteout',
    'opaque',
  ),
  names: fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'é'), { minLength: 1, maxLength: 4 }),
  choice: fc.nat(1000),
  size: fc.oneof(fc.nat(100), fc.nat(20_000)),
});

/** Instructions for an image of 2 to 4 layers. */
export const imageSteps = fc.array(fc.array(step, { minLength: 5, maxLength: 25 }), {
  minLength: 2,
  maxLength: 4,
});

/**
 * Returns layers, as tars, that umoci and overlay/RULES.md unpack alike: no symlinked or implied
 * parents, and nothing made again or linked to where the same layer removes it. Each file has its
 * own content: `LAYER.ROW ` and filling.
 */
export function layersOf(steps: readonly (readonly Step[])[]): Buffer[] {
  const kinds = new Map<string, 'dir' | 'file' | 'symlink'>();
  return steps.map((layer, i) => new LayerMaker(kinds, i + 1).made(layer));
}

class LayerMaker {
  readonly #members: Buffer[] = [];
  readonly #touched = new Set<string>(); // paths that this layer names
  readonly #gone: string[] = []; // paths that this layer removes

  constructor(
    private readonly kinds: Map<string, 'dir' | 'file' | 'symlink'>,
    private readonly layer: number,
  ) {}

  made(steps: readonly Step[]): Buffer {
    for (const one of steps) this.#take(one);
    return tarOf(...this.#members);
  }

  #take({ what, names, choice, size }: Step): void {
    if (what === 'whiteout' || what === 'opaque') {
      this.#remove(what, choice);
      return;
    }
    const path = names.join('/');
    if (this.kinds.get(path) === 'dir' || this.#isAtOrBelowGone(path)) return;
    const parents = names.slice(0, -1).map((_, depth) => names.slice(0, depth + 1).join('/'));
    if (parents.some((parent) => (this.kinds.get(parent) ?? 'dir') !== 'dir')) return;
    const target = this.#chosen('file', choice);
    if (what === 'hardlink' && (target === undefined || target === path)) return;
    for (const parent of parents) this.#directory(parent);
    // A marker counts before the layer's links, wherever it stands.
    if (what === 'hardlink') this.#touched.add(target!);
    if (what === 'hardlink') this.#members.push(hardlink(path, target!));
    else if (what === 'symlink') this.#members.push(symlink(path, `nowhere/${choice}`));
    else this.#members.push(file(path, `${this.layer}.${this.#members.length} `.padEnd(size, '.')));
    this.kinds.set(path, what === 'symlink' ? 'symlink' : 'file');
    this.#touched.add(path);
  }

  #directory(path: string): void {
    if (this.#touched.has(path)) return;
    this.#members.push(dir(`${path}/`));
    this.kinds.set(path, 'dir');
    this.#touched.add(path);
  }

  #remove(what: 'whiteout' | 'opaque', choice: number): void {
    const path = this.#chosen(what === 'opaque' ? 'dir' : undefined, choice);
    if (path === undefined || this.#isAtOrBelowGone(path)) return;
    if ([...this.#touched].some((one) => one === path || one.startsWith(`${path}/`))) return;
    const parents = path.split('/').map((_, depth, names) => names.slice(0, depth + 1).join('/'));
    for (const parent of what === 'opaque' ? parents : parents.slice(0, -1)) this.#directory(parent);
    this.#members.push(what === 'opaque' ? opaque(path) : whiteout(path));
    for (const one of this.kinds.keys()) {
      if (one.startsWith(`${path}/`) || (what === 'whiteout' && one === path)) {
        this.kinds.delete(one);
        this.#gone.push(one);
      }
    }
  }

  #chosen(kind: string | undefined, choice: number): string | undefined {
    const paths = [...this.kinds].filter(([, its]) => kind === undefined || its === kind);
    return paths[choice % Math.max(1, paths.length)]?.[0];
  }

  #isAtOrBelowGone(path: string): boolean {
    return this.#gone.some((gone) => path === gone || path.startsWith(`${gone}/`));
  }
}
