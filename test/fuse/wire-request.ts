import { logTo } from '#src/base/log.js';
import type { LayerFs } from '#src/fs/layer-fs.js';
import { Dispatcher } from '#src/fuse/dev-fuse/dispatcher.js';
import { FuseRequest } from '#src/fuse/dev-fuse/request.js';

/**
 * Encodes requests as the kernel does, and decodes replies, without a kernel. For little-endian
 * hosts.
 */

const CAPACITY = 65_536; // bytes

export interface RequestParts {
  unique?: bigint;
  inode?: bigint | number;
  body?: Buffer;
  length?: number | undefined; // what the header claims; default: the truth
}

export function requestBytes(opcode: number, parts: RequestParts = {}): Buffer {
  const body = parts.body ?? Buffer.alloc(0);
  const header = Buffer.alloc(40);
  header.writeUInt32LE(parts.length ?? 40 + body.length, 0);
  header.writeUInt32LE(opcode, 4);
  header.writeBigUInt64LE(parts.unique ?? 2n, 8);
  header.writeBigUInt64LE(BigInt(parts.inode ?? 1), 16);
  return Buffer.concat([header, body]);
}

export interface WireReply {
  unique: bigint;
  error: number; // 0, or a negative errno
  body: Buffer;
}

/** A dispatcher whose replies are collected, each checked to be as long as it says. */
export function newDispatcher(fs: LayerFs, options: { readDeadlineMs?: number | undefined } = {}) {
  const replies: WireReply[] = [];
  const log: string[] = [];
  const sink = {
    send(head: Uint8Array, headLength: number, data: Uint8Array = new Uint8Array(0)) {
      const bytes = Buffer.concat([head.subarray(0, headLength), data]);
      if (bytes.readUInt32LE(0) !== bytes.length)
        throw new Error(`reply of ${bytes.length} bytes lies about it`);
      replies.push({
        error: bytes.readInt32LE(4),
        unique: bytes.readBigUInt64LE(8),
        body: bytes.subarray(16),
      });
    },
  };
  const dispatcher = new Dispatcher(
    fs,
    sink,
    logTo((level, message) => log.push(`${level}: ${message}`)),
    options,
  );
  // One buffer for all requests, as a reader has: data of an earlier request must not count.
  const request = new FuseRequest(Buffer.alloc(CAPACITY, 0xa5));
  const feed = (bytes: Uint8Array): WireReply[] => {
    const before = replies.length;
    request.bytes.set(bytes);
    request.length = bytes.length;
    dispatcher.handle(request);
    return replies.slice(before);
  };
  const ask = (opcode: number, parts: RequestParts = {}): WireReply => {
    const answers = feed(requestBytes(opcode, parts));
    if (answers.length !== 1) throw new Error(`${answers.length} replies, want 1`);
    return answers[0]!;
  };
  return { dispatcher, replies, log, feed, ask };
}

export const initBody = (major: number, minor: number, flags = 0xffffffff, readahead = 131_072): Buffer => {
  const body = Buffer.alloc(64);
  body.writeUInt32LE(major, 0);
  body.writeUInt32LE(minor, 4);
  body.writeUInt32LE(readahead, 8);
  body.writeUInt32LE(flags, 12);
  return body;
};

export const readBody = (offset: bigint | number, size: number): Buffer => {
  const body = Buffer.alloc(40);
  body.writeBigUInt64LE(BigInt(offset), 8);
  body.writeUInt32LE(size, 16);
  return body;
};

export const lseekBody = (offset: bigint | number, whence: number): Buffer => {
  const body = Buffer.alloc(24);
  body.writeBigUInt64LE(BigInt(offset), 8);
  body.writeUInt32LE(whence, 16);
  return body;
};

export const accessBody = (mask: number): Buffer => {
  const body = Buffer.alloc(8);
  body.writeUInt32LE(mask, 0);
  return body;
};

export const nameBody = (name: string | Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(name), Buffer.from([0])]);

export const xattrBody = (size: number, name?: string): Buffer => {
  const body = Buffer.alloc(8);
  body.writeUInt32LE(size, 0);
  return name === undefined ? body : Buffer.concat([body, nameBody(name)]);
};

export const interruptBody = (unique: bigint): Buffer => {
  const body = Buffer.alloc(8);
  body.writeBigUInt64LE(unique, 0);
  return body;
};
