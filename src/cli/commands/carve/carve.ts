import { resolve } from 'node:path';
import { type CarveJob, carveFromTree, carveSingleFiles } from '../../../carve/carve-files.js';
import { OutputDirectory } from '../../../carve/output/output-directory.js';
import { singleFile } from '../../../carve/output/single-file.js';
import { TarStream } from '../../../carve/output/tar-stream.js';
import type { Unverified } from '../../../carve/search/file-search.js';
import { type AskedPath, askedPaths } from '../../../image/paths/asked-path.js';
import type { Command } from '../../command.js';
import { type SessionUse, withSession } from '../../image-session-command.js';
import { chooseLayers, parseLayer } from '../../options/layer-choice.js';
import { usageError } from '../../options/usage-error.js';
import { LimitedFaults } from '../../terminal/wording/limited-faults.js';
import { uncomparedLine, unverifiedLine } from '../../terminal/wording/uncompared.js';
import { fileLine, fileRecord, treeLine, treeRecord } from './carve-report.js';
import { CARVE } from './declaration.js';

const DEFAULT_DIRECTORY = CARVE.options['output-dir'].default;

/** `-o -` */
const STDOUT = '-';

export const carve: Command<typeof CARVE.options> = {
  ...CARVE,
  run(values, [name, ...words], context) {
    const { output, cwd, startedMs } = context;
    const paths = askedPaths(words);
    // Names seldom contain these characters: such a PATH opens all layers at once. Others are tried
    // as a path first.
    const isTree = values.recursive || paths.some(({ text, pattern }) => pattern && /[*?]/.test(text));
    const toStdout = values['output-dir'] === STDOUT;
    if (toStdout && values.json) throw usageError('-o - and --json exclude each other: both write to stdout');
    if (toStdout && !values.recursive && paths.length > 1)
      throw usageError('-o - writes one file; with -r a tar of all');
    const only = values.layer === undefined ? [] : [parseLayer(values.layer)];

    const work = async (use: SessionUse) => {
      const { session, display } = use;
      const directory = resolve(cwd, values['output-dir'] ?? DEFAULT_DIRECTORY);
      const tar = new TarStream((bytes) => output.bytes(bytes));
      const target = toStdout
        ? values.recursive
          ? tar
          : singleFile((bytes) => output.bytes(bytes))
        : new OutputDirectory(directory, { force: values.force });
      const image = await use.open();
      const { layers } = image.resolved.manifest;
      const numbers = chooseLayers(image.resolved, only);
      const statuses = new Map<AskedPath, number>(); // of each path's first fault
      const cost = () => ({
        fetchedBytes: session.metrics().bytesFetched,
        totalBytes: numbers.reduce((sum, number) => sum + layers[number - 1]!.size, 0),
        elapsedMs: performance.now() - startedMs,
      });
      const say = (line: string, record: () => object) => {
        if (toStdout) display.say(line);
        else if (values.json) display.json(record());
        else display.done(line);
      };
      // Warns once for all results of a scan.
      let told: string | undefined;
      const doubt = (unverified: Unverified | undefined, uncompared: readonly number[] = []) => {
        const foreign = uncompared.length > 0 ? uncomparedLine(uncompared) : undefined;
        const line = unverified ? unverifiedLine(unverified) : foreign;
        if (line !== undefined && line !== told) display.warn(line);
        told = line;
      };
      const faults = new LimitedFaults(use, output);
      const job: CarveJob = {
        ...use,
        image,
        numbers,
        where: only.length > 0 && layers.length > 1 ? `layer ${numbers[0]}` : undefined,
        target,
        verify: values.verify,
        recursive: values.recursive,
        foundFile(result, names) {
          const record = () => fileRecord(result, layers.length, cost(), target.display(names));
          say(fileLine(result, layers.length, cost()), record);
          doubt(result.unverified, result.uncompared);
        },
        foundTree(carved, text, names, uncompared) {
          const output = target.display(names);
          say(treeLine(text, carved, layers.length, cost()), () =>
            treeRecord(text, carved, layers.length, cost(), output, uncompared),
          );
          doubt(undefined, uncompared);
        },
        failed(error, asked, unverified) {
          const status = faults.fail(error);
          doubt(unverified);
          if (!statuses.has(asked)) statuses.set(asked, status);
        },
        settled: () => output.flushed(),
      };
      const patterns = isTree ? paths : await carveSingleFiles(job, paths);
      if (patterns.length > 0) await carveFromTree(job, patterns);
      faults.end();
      if (toStdout && values.recursive) tar.end();
      // Faults come in any order: the first PATH with one decides the status.
      return statuses.get(paths.find((one) => statuses.has(one))!) ?? 0;
    };
    // Only an own pass reads a layer to its end.
    const sources = values.verify ? { ...values, index: 'none' as const } : values;
    return withSession(name!, sources, context, work, {
      readsLayers: true,
      outlivesReader: !toStdout,
      // As fast for a tar as four threads, with 170 MiB instead of 225 (measured).
      ...(toStdout && values.recursive && { inflatingThreads: 1 }),
    });
  },
};
