import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { onTestFinished, test } from 'vitest';
import type { LayerFs } from '#src/fs/layer-fs.js';
import { MergedFs } from '#src/fs/merged-fs.js';
import type { Transport, TransportName, TransportOptions } from '#src/fuse/transport.js';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { Sessions } from '../engine/sessions.js';
import { cleanUp, mountFs, removeMount, type TestMount } from '../fuse/mounting.js';
import { run } from '../support/child.js';
import { LayoutBuilder, named, writeDirectory } from '../support/local-images.js';
import { tarOf } from '../support/tar.js';
import type { Capabilities } from './capabilities.js';

/** What is to be said of every transport about one thing. */
export interface Subject {
  /** Also the folder of the scene's image where its members lie. */
  name: string;
  /** Tar members, all below the folder. */
  members?: () => Uint8Array[];
  /** Its folder is unpacked too: the truth to compare with. */
  isCopied?: true;
  tests(scene: Scene): void;
}

/**
 * One image, mounted by the transport under test: a merged tree over real layers, whose bytes come
 * from the inflate threads. Beside it, GNU tar has unpacked the same layers.
 */
export class Scene {
  /** A directory for what tests write. */
  scratch = '';
  readonly #sessions = new Sessions();
  #fs: LayerFs | undefined;
  #mount: TestMount | undefined;

  constructor(
    readonly name: TransportName,
    readonly transport: Transport,
    readonly capabilities: Capabilities,
    private readonly subjects: readonly Subject[],
  ) {}

  /** Where the folders that are copied lie. */
  get copy(): string {
    return join(this.scratch, 'copy');
  }

  async start(): Promise<void> {
    this.scratch = await mkdtemp(join(tmpdir(), 'layerslayer-scene-'));
    await mkdir(this.copy);
    const layers: Uint8Array[] = [];
    for (const { members, isCopied } of this.subjects) {
      if (!members) continue;
      const tar = tarOf(...members());
      if (isCopied) await this.#unpack(tar);
      // Some gzip, some plain: they are read on different paths.
      layers.push(layers.length % 2 === 0 ? gzipSync(tar, { level: 1 }) : tar);
    }
    const builder = new LayoutBuilder();
    const files = builder.top([named(builder.image(layers), 'latest')]);
    const layout = writeDirectory(join(this.scratch, 'layout'), files);
    const opened = await this.#sessions.start().open(`oci:${layout}:latest`);
    const numbered = opened.map((layer, i) => ({ entries: layer.entries, number: i + 1 }));
    this.#fs = new MergedFs(mergeLayers(numbered), new Map(opened.map((layer, i) => [i + 1, layer])), {
      createdBy: (number) => `step ${number}`,
    });
    this.#mount = await mountFs(this.#fs, {}, this.transport);
  }

  async #unpack(tar: Uint8Array): Promise<void> {
    // As archived: owners by number, attributes, and directories' times after their entries.
    const faithfully = ['-p', '--same-owner', '--numeric-owner', '--delay-directory-restore'];
    const attributes = ['--xattrs', '--xattrs-include=*'];
    await run('tar', ['-x', ...faithfully, ...attributes, '-C', this.copy], { input: tar });
  }

  async stop(): Promise<void> {
    await cleanUp();
    await this.#sessions.cleanUp();
    if (this.scratch !== '') await rm(this.scratch, { recursive: true });
  }

  get mountpoint(): string {
    return this.#started.mountpoint;
  }

  /** Lines that the transport logged, but for debugging. */
  get complaints(): string[] {
    return complaintsOf(this.#started);
  }

  get #started(): TestMount {
    if (!this.#mount) throw new Error('the scene is not mounted');
    return this.#mount;
  }

  /** A path in the mount. */
  at(path: string): string {
    return `${this.mountpoint}/${path}`;
  }

  /** One more mount of the same tree, for this test. */
  mountAgain(options?: Partial<TransportOptions>): Promise<TestMount> {
    if (!this.#fs) throw new Error('the scene has not started');
    return this.mountFs(this.#fs, options);
  }

  /** A mount of something else by the same transport, for this test. */
  async mountFs(fs: LayerFs, options?: Partial<TransportOptions>): Promise<TestMount> {
    const mount = await mountFs(fs, options, this.transport);
    onTestFinished(() => removeMount(mount.mountpoint));
    return mount;
  }

  /**
   * Declares a test that not all transports pass. Where the capability is missing, it counts as
   * skipped, but must fail when tried. Otherwise a list of capabilities that promises too little
   * would hide faults.
   */
  carried(capability: keyof Capabilities, title: string, check: () => Promise<void>): void {
    if (this.capabilities[capability]) {
      test(title, check);
      return;
    }
    test(this.#without(capability, title), async (context) => {
      const works = await check().then(
        () => true,
        () => false,
      );
      if (works) throw new Error(`${this.name} says that it has no ${capability}, but it works`);
      context.skip();
    });
  }

  /** The same for what would take minutes where it is not carried: skipped untried. */
  carriedOrUntried(capability: keyof Capabilities, title: string, check: () => Promise<void>): void {
    if (this.capabilities[capability]) test(title, check);
    else test.skip(this.#without(capability, title));
  }

  /** The summary of a run prints the titles of what was skipped: they say why. */
  #without(capability: keyof Capabilities, title: string): string {
    return `${title} [${this.name} has no ${capability}]`;
  }
}

/** Lines that the transport logged, but for debugging. */
export function complaintsOf({ log }: TestMount): string[] {
  return log.filter((line) => !line.startsWith('debug:'));
}
