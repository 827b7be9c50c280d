/**
 * Many small cases as one mounted image: each in its own top-level directory, its layers among the
 * image's. The image is pushed to a real registry and mounted by the built command. Child processes
 * list the mount once. Where umoci follows the project's rules, it unpacks the cases too, as their
 * oracle.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { run } from '../support/child.js';
import { Workplace } from '../support/mounts.js';
import { unpackLayout, writeLayout } from '../support/oci-layout.js';
import { OCI_LAYER_GZIP, pushImage, sha256, startRegistry, type TestRegistry } from '../support/registry.js';
import { tarOf } from '../support/tar.js';
import { compareListings } from '../support/tree-compare.js';
import { type ListedFile, type Listing, listTree } from '../support/tree-listing.js';
import { dir, type Member } from './members.js';

const READ_CONTENTS = fileURLToPath(new URL('./read-contents.mjs', import.meta.url));

export interface Case {
  /**
   * Members of each layer, base first. The base begins with the case's directory, unless `bare`.
   */
  layers: readonly (readonly Member[])[];
  bare?: boolean;
  /**
   * All names below the case's directory, latin1: `dir`, `fifo`, `char 1:3`, `block 8:1`, `->
   * target`, or `=content`. `$` in a link target stands for the case's directory.
   */
  tree: Readonly<Record<string, string>>;
  /** What stat says, of the paths that the case is about (`''`: its directory). */
  attributes?: Readonly<Record<string, Partial<ListedFile>>>;
  /** Names of one inode; every other inode has one name. */
  groups?: readonly (readonly string[])[];
  /**
   * Names below the case's directory that warnings report as skipped, as quoted (`n…`: begins so).
   */
  warns?: readonly string[];
  /** Why umoci is no oracle here. */
  notUmoci?: string;
}

/** One case as it came out. */
export interface Outcome {
  tree: Record<string, string>;
  listing: Listing;
  groups: string[][];
  warnings: string[];
}

export class Scene {
  readonly place = new Workplace();
  readonly #cases: Readonly<Record<string, Case>>;
  #registry: TestRegistry | undefined;
  #contents = new Map<string, string>();
  #oracle: Listing | undefined;
  mountpoint = '';
  listing: Listing = new Map();
  /** What the command said on stderr. */
  said = '';

  constructor(cases: Readonly<Record<string, Case>>) {
    this.#cases = cases;
  }

  async start(): Promise<void> {
    this.#registry = await startRegistry();
    await pushImage(this.#registry, 'library/scene:latest', { layers: this.#layers(() => true) });
    this.mountpoint = this.place.directory('mnt');
    const reference = `${this.#registry.host}/library/scene:latest`;
    const ended = await this.place.layerslayer(['mount', '-v', reference, this.mountpoint]);
    if (ended.status !== 0) throw new Error(`mount ended with ${ended.status}: ${ended.stderr}`);
    this.said = ended.stderr;
    this.listing = await listTree(this.mountpoint);
    const read = await run(process.execPath, [READ_CONTENTS], { cwd: this.mountpoint });
    this.#contents = new Map(JSON.parse(read.stdout) as [string, string][]);
  }

  async stop(): Promise<void> {
    await this.place.cleanUp();
    await this.#registry?.stop();
  }

  /** Mounts one more image of these layers. @returns the mountpoint */
  async mountAnother(name: string, layers: readonly Uint8Array[], args: string[] = []): Promise<string> {
    await pushImage(this.#registry!, `library/${name}:latest`, { layers });
    return this.place.mount(`${this.#registry!.host}/library/${name}:latest`, `mnt-${name}`, args);
  }

  outcome(name: string): Outcome {
    const root = this.#rootOf(name);
    const listing = subtree(this.listing, root);
    // Not by assignment: a file may be named __proto__.
    const tree = Object.fromEntries(
      [...listing]
        .filter(([path]) => path !== '')
        .map(([path, listed]) => [path, this.#shown(root, path, listed)]),
    );
    const names = new Map<string, string[]>();
    for (const [path, { type, inode }] of listing) {
      if (type !== 'd') names.set(inode, [...(names.get(inode) ?? []), path]);
    }
    const groups = [...names.values()].filter((paths) => paths.length > 1).map((paths) => paths.sort());
    // The skipped entry's name stands first in quotes, then why.
    const warnings = this.said
      .split('\n')
      .map((line) => /"((?:[^"\\]|\\.)*)"/.exec(line)?.[1] ?? '')
      .filter((quoted) => quoted.startsWith(`${root}/`))
      .map((quoted) => quoted.slice(root.length + 1));
    return { tree, listing, groups: groups.sort(), warnings };
  }

  /** What the tree of `outcome` must be. */
  wanted(name: string): Record<string, string> {
    const root = this.#rootOf(name);
    const tree = this.#cases[name]!.tree;
    return Object.fromEntries(
      Object.entries(tree).map(([path, shown]) => [
        path,
        shown.startsWith('-> ') ? shown.replaceAll('$', root) : shown,
      ]),
    );
  }

  /** Differences of the case from what umoci unpacks of the same layers. */
  async differencesFromUmoci(name: string): Promise<string[]> {
    this.#oracle ??= await this.#unpack();
    const root = this.#rootOf(name);
    return compareListings(subtree(this.listing, root), subtree(this.#oracle, root)).map(
      ({ path, what, mount, oracle }) => `${path}: ${what}: ${mount}, umoci: ${oracle}`,
    );
  }

  async #unpack(): Promise<Listing> {
    const layers = this.#layers((one) => one.notUmoci === undefined);
    const built = layers.map((bytes, number) => {
      const path = join(this.place.scratch, `layer-${number}`);
      writeFileSync(path, gzipSync(bytes));
      return { path, diffId: sha256(bytes), mediaType: OCI_LAYER_GZIP };
    });
    const layout = await writeLayout(join(this.place.scratch, 'layout'), 'latest', built);
    return listTree(await unpackLayout(layout, join(this.place.scratch, 'oracle')));
  }

  #layers(chosen: (one: Case) => boolean): Buffer[] {
    const cases = Object.entries(this.#cases).filter(([, one]) => chosen(one));
    const count = Math.max(...cases.map(([, one]) => one.layers.length));
    return Array.from({ length: count }, (_, number) =>
      tarOf(
        ...cases.flatMap(([name, one]) => {
          const members = one.layers[number] ?? [];
          const first = number === 0 && !one.bare ? [dir('')] : [];
          return [...first, ...members].map((member) => member(this.#rootOf(name)));
        }),
      ),
    );
  }

  /** The case's number: titles are no names of directories. */
  #rootOf(name: string): string {
    const number = Object.keys(this.#cases).indexOf(name);
    if (number < 0) throw new Error(`no case ${name}`);
    return `case-${number}`;
  }

  #shown(root: string, path: string, listed: ListedFile): string {
    switch (listed.type) {
      case 'd':
        return 'dir';
      case 'l':
        return `-> ${listed.target}`;
      case 'p':
        return 'fifo';
      case 'c':
        return `char ${listed.rdev}`;
      case 'b':
        return `block ${listed.rdev}`;
      case 'f':
        return `=${this.#contents.get(`${root}/${path}`) ?? listed.sha256}`;
      default:
        return listed.type;
    }
  }
}

function subtree(listing: Listing, root: string): Listing {
  const part: Listing = new Map();
  for (const [path, listed] of listing) {
    if (path === root) part.set('', listed);
    else if (path.startsWith(`${root}/`)) part.set(path.slice(root.length + 1), listed);
  }
  return part;
}
