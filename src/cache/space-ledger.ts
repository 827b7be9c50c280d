import { closeSync, existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Semaphore } from '../base/tasks/semaphore.js';
import { withMachineLock } from './machine-lock.js';
import { oldLayoutsCharge } from './old-layouts.js';
import { isWriterAlive } from './process-identity.js';
import { openRegular } from './regular-file.js';
import { FOLDER, LOCK_FOLDER } from './store-layout.js';
import {
  BASE_CHARGE,
  chargeOf,
  evictOldest,
  removeFiles,
  type StoredFile,
  scanStore,
  sweepTemporaries,
} from './store-scan.js';

/**
 * Largest reserve that a writer takes at a time: 64 pages, so that a stream takes the lock once in
 * 64 pages. With small caps a sixteenth of the cap, so that idle writers leave room for others.
 */
const LARGEST_GRANT = 16 * 1024 * 1024;
const GRANTS_A_CAP = 16;
/** Part of the cap that an eviction frees beyond the need, so that a stream rarely scans. */
const SLACK_PARTS = 16;
/** Longest wait for the lock, in case its holder was stopped. */
const LOCK_WAIT_MS = 10_000;
/** Pause after a failed reservation, as each try may scan. */
const RETRY_MS = 1000;
/** Pause after the lock could not be taken, as each try may wait. */
const RETRY_LOCK_MS = 60_000;

/** The file `ledger`: written under the lock and by rename, so readers never see half of it. */
interface Ledger {
  charged: number; // bytes; never less than all files and unspent grants together
  grants: Record<string, number>; // writer name -> bytes granted and perhaps not yet written; never less than that
}

/**
 * Keeps the files of all processes below one cap. A writer takes bytes from a grant that it
 * reserved in the ledger under the machine lock. So the sum of files and grants never exceeds the
 * cap. While the ledger has room, no folder is read. When it has none, grants of dead writers are
 * dropped, files are counted, and the oldest are evicted.
 */
export class SpaceLedger {
  readonly #root: string;
  readonly #capBytes: number;
  readonly #writer: string;
  readonly #onUnlocked: (reason: string) => void;
  readonly #refills = new Semaphore(1);
  #unspent = 0; // bytes of the grant that no write has taken
  #underWay = 0; // bytes taken by writes that have not ended
  #isRegistered = false; // the ledger may have a grant of ours
  #retryAt = 0; // ms of performance.now()

  /**
   * @param onUnlocked called if the directory takes no locks: writers of other processes may then
   *   exceed the cap
   */
  constructor(root: string, capBytes: number, writer: string, onUnlocked: (reason: string) => void) {
    this.#root = root;
    this.#capBytes = capBytes;
    this.#writer = writer;
    this.#onUnlocked = onUnlocked;
  }

  /**
   * Takes `bytes` of the cap for a write, which must end with `settle`.
   * @returns false if they are not available: more than the cap, or the rest is in other writers'
   *   grants
   * @throws the lock's or the disk's fault
   */
  async take(bytes: number): Promise<boolean> {
    if (bytes > this.#capBytes - BASE_CHARGE) return false;
    if (this.#claim(bytes)) return true;
    return this.#refills.run(async () => {
      if (this.#claim(bytes)) return true;
      if (performance.now() < this.#retryAt) return false;
      const hadLock = await this.#locked(() => this.#refill(bytes));
      if (this.#claim(bytes)) return true;
      this.#retryAt = performance.now() + (hadLock ? RETRY_MS : RETRY_LOCK_MS);
      return false;
    });
  }

  /** Ends a write: its bytes are on disk, or the grant has them again. */
  settle(bytes: number, isWritten: boolean): void {
    this.#underWay -= bytes;
    if (!isWritten) this.#unspent += bytes;
  }

  /** Evicts until files and grants take at most `limitBytes`, unless the ledger is below it. */
  async shrink(limitBytes: number): Promise<void> {
    const ledger = this.#load();
    if (ledger && ledger.charged <= limitBytes) return;
    await this.#locked(async () => {
      await this.#recount(this.#liveGrants(this.#load()), limitBytes, 0);
    });
  }

  /**
   * Removes files, and counts the others.
   * @param choose returns those to remove, of all files
   * @returns those that are gone; undefined if the lock could not be taken in time
   * @throws what `choose` throws; the lock's or the disk's fault
   */
  async remove(
    choose: (files: readonly StoredFile[]) => readonly StoredFile[],
  ): Promise<StoredFile[] | undefined> {
    let removed: StoredFile[] | undefined;
    await this.#locked(async () => {
      removed = await removeFiles(choose(await scanStore(this.#root)));
      await this.#recount(this.#liveGrants(this.#load()), Number.POSITIVE_INFINITY, 0);
    });
    return removed;
  }

  /**
   * Returns the unspent reserve. Call it after all writes. Does not recreate a deleted directory:
   * `umount` returns before the daemon ends, and `rm -rf` of the cache may follow.
   */
  async close(): Promise<void> {
    if (!this.#isRegistered || !existsSync(this.#file)) return;
    await this.#locked(async () => {
      const ledger = this.#load();
      if (!ledger) return;
      delete ledger.grants[this.#writer];
      await this.#save({ charged: ledger.charged - this.#unspent, grants: ledger.grants });
      this.#unspent = 0;
      this.#isRegistered = false;
    });
  }

  #claim(bytes: number): boolean {
    if (this.#unspent < bytes) return false;
    this.#unspent -= bytes;
    this.#underWay += bytes;
    return true;
  }

  /** Call under the lock. */
  async #refill(bytes: number): Promise<void> {
    const wanted = Math.max(bytes, Math.min(LARGEST_GRANT, Math.floor(this.#capBytes / GRANTS_A_CAP)));
    const ledger = this.#load();
    let charged = ledger?.charged ?? Number.POSITIVE_INFINITY;
    let grants = ledger?.grants ?? {};
    if (charged + wanted > this.#capBytes) {
      // Drops dead writers before counting files: a writer that dies later may rename a file that
      // the count missed.
      grants = this.#liveGrants(ledger);
      const slack = Math.floor(this.#capBytes / SLACK_PARTS);
      charged = await this.#recount(grants, this.#capBytes - wanted, slack);
    }
    const granted = Math.min(wanted, this.#capBytes - charged);
    if (granted < bytes) return;
    grants[this.#writer] = this.#unspent + this.#underWay + granted;
    await this.#save({ charged: charged + granted, grants });
    this.#unspent += granted;
    this.#isRegistered = true;
  }

  #liveGrants(ledger: Ledger | undefined): Record<string, number> {
    const live = Object.entries(ledger?.grants ?? {}).filter(([writer]) => isWriterAlive(writer));
    const grants = Object.fromEntries(live);
    delete grants[this.#writer];
    const own = this.#unspent + this.#underWay;
    if (own > 0) grants[this.#writer] = own;
    return grants;
  }

  /**
   * Counts files and the given grants, evicts if they exceed `limitBytes`, and saves the ledger.
   * @param slack bytes to free beyond the excess
   * @returns the bytes that are charged now
   */
  async #recount(grants: Record<string, number>, limitBytes: number, slack: number): Promise<number> {
    await sweepTemporaries(this.#root);
    const files = await scanStore(this.#root);
    let charged = BASE_CHARGE + (await oldLayoutsCharge(dirname(this.#root)));
    for (const file of files) charged += chargeOf(file.size);
    for (const bytes of Object.values(grants)) charged += bytes;
    const excess = charged - limitBytes;
    if (excess > 0) charged -= await evictOldest(files, excess + slack);
    await this.#save({ charged, grants });
    return charged;
  }

  /**
   * Runs the task under the lock.
   * @returns false if the lock could not be taken in time
   */
  async #locked(task: () => Promise<void>): Promise<boolean> {
    // Another process may have deleted the directory meanwhile.
    await mkdir(join(this.#root, FOLDER.temporary), { recursive: true, mode: 0o700 });
    const signal = AbortSignal.timeout(LOCK_WAIT_MS);
    let started = false;
    const run = () => {
      started = true;
      return task();
    };
    try {
      const place = { directory: join(this.#root, LOCK_FOLDER), name: 'ledger' };
      await withMachineLock(place, run, {
        signal,
        onUnlocked: (reason) => reason && this.#onUnlocked(reason),
      });
      return true;
    } catch (error) {
      if (started || !signal.aborted) throw error;
      return false;
    }
  }

  get #file(): string {
    return join(this.#root, 'ledger');
  }

  /** Returns undefined if there is no valid ledger. Then files are counted. */
  #load(): Ledger | undefined {
    try {
      const fd = openRegular(this.#file);
      if (fd === undefined) return undefined;
      try {
        const ledger = JSON.parse(readFileSync(fd, 'utf8'));
        return isLedger(ledger) ? ledger : undefined;
      } finally {
        closeSync(fd);
      }
    } catch {
      return undefined;
    }
  }

  async #save(ledger: Ledger): Promise<void> {
    const next = join(this.#root, FOLDER.temporary, `${this.#writer}.ledger`);
    await writeFile(next, JSON.stringify(ledger), { mode: 0o600 });
    await rename(next, this.#file);
  }
}

function isLedger(value: unknown): value is Ledger {
  const { charged, grants } = (value ?? {}) as Partial<Ledger>;
  const isCount = (bytes: unknown) => Number.isSafeInteger(bytes) && (bytes as number) >= 0;
  return (
    isCount(charged) && typeof grants === 'object' && grants !== null && Object.values(grants).every(isCount)
  );
}
