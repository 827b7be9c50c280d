import { LayerslayerError } from '../base/errors.js';
import { shownName } from '../base/text/quote-name.js';
import type { FileBytes, LayerFs } from '../fs/layer-fs.js';
import type { FaultLog } from './fault-log.js';
import { PendingReads, READ_DEADLINE_MS } from './pending-reads.js';

/** A read as a program asks for it. */
interface FileRead {
  unique: number; // differs from all waiting reads
  inode: number;
  pid: number; // of the process that reads; 0 if unknown
  offset: number;
  size: number; // maximum bytes
}

/** Answers reads: at once from memory, or when the bytes have come from the network. */
export class FileReads {
  readonly pending: PendingReads;
  #spareController: AbortController | undefined;

  constructor(
    private readonly fs: LayerFs,
    private readonly faults: FaultLog,
    readDeadlineMs: number = READ_DEADLINE_MS,
  ) {
    this.pending = new PendingReads(readDeadlineMs);
  }

  /** Calls either `answer` or `fail` (with a positive errno), once. Never throws. */
  read(asked: FileRead, answer: (data: Uint8Array) => void, fail: (errno: number) => void): void {
    const { unique, inode, offset, size } = asked;
    const doing = () => `reading ${this.#nameOf(inode)} at ${offset}`;
    const failed = (error: unknown) => fail(this.faults.report(error, doing));
    const checked = (data: Uint8Array) => {
      if (data.length <= size) answer(data);
      else failed(new LayerslayerError('INTERNAL', `got ${data.length} bytes, want at most ${size}`));
    };
    // A read that is answered at once leaves its signal to the next one.
    const controller = this.#spareController ?? new AbortController();
    this.#spareController = undefined;
    let data: FileBytes;
    try {
      data = this.fs.read(inode, offset, size, controller.signal);
    } catch (error) {
      failed(error);
      return;
    }
    if (data instanceof Uint8Array) {
      this.#spareController = controller;
      checked(data);
    } else {
      this.pending.add(unique, asked, data, controller, checked, failed);
    }
  }

  #nameOf(inode: number): string {
    try {
      return shownName(this.fs.pathOf(inode));
    } catch {
      return `inode ${inode}`; // one that does not exist
    }
  }
}
