import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inheritedFiles } from '../base/process/inherited-files.js';
import { ownNodeOptions } from '../base/process/node-options.js';
import { SMALL_SPACE_OPTIONS, savesAddressSpace } from '../base/process/process-limits.js';

/** Outstanding reads of /dev/fuse, each of which holds a thread of libuv's pool for good. */
export const FUSE_READERS = 2;

/** Threads left for everything else that Node does in its pool: files, name lookups, zlib. */
const POOL_FOR_FILES = 8;

const IPC_FD = 3;

/**
 * Starts the daemon's process in its own session, with cwd `/` and none of this process's
 * descriptors. A shell that waits for the end of our output (`x=$(layerslayer mount …)`) must not
 * wait for the daemon. It gets its options later, through `DaemonClient`: its modules load while
 * the command line is still being parsed.
 *
 * `--foreground` starts a process too: the size of libuv's pool is fixed before a main module's
 * first line runs.
 */
export function startDaemon(
  program = fileURLToPath(new URL('./daemon-main.js', import.meta.url)),
): ChildProcess {
  const options = savesAddressSpace() ? SMALL_SPACE_OPTIONS : [];
  // Closes nothing in the child: no descriptor at or above `ulimit -n` can be replaced. The daemon
  // closes them.
  const inherited = inheritedFiles().filter((fd) => fd !== IPC_FD);
  return spawn(process.execPath, [...options, program, ...inherited.map(String)], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: {
      ...process.env,
      ...(process.env.NODE_OPTIONS && { NODE_OPTIONS: ownNodeOptions(process.env.NODE_OPTIONS) }),
      UV_THREADPOOL_SIZE: String(FUSE_READERS + POOL_FOR_FILES),
      // glibc keeps freed memory in an arena per thread. With one arena, and buffers of 64 KiB
      // outside it, the daemon is 25 MiB smaller at no cost (measured).
      MALLOC_ARENA_MAX: '1',
      MALLOC_MMAP_THRESHOLD_: String(64 * 1024),
    },
  });
}
