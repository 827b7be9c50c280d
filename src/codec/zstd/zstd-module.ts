import { ZSTD_SIMD_WASM_BASE64, ZSTD_WASM_BASE64 } from './zstd-wasm.js';

/** What assembly/zstd.ts exports. Addresses and lengths are below 2^31, and so positive. */
export interface ZstdExports {
  readonly memory: WebAssembly.Memory;
  inputAddress(): number;
  inputSize(): number;
  savedAddress(): number;
  outputAddress(): number;
  windowBytesAddress(): number;
  startFrame(window: number, room: number): number;
  resumeFrame(window: number, windowLength: number): number;
  saveTables(): number;
  restoreTables(length: number): number;
  startTracking(): void;
  isTracking(): number;
  stopTracking(): number;
  rawBlock(at: number, length: number): number;
  rleBlock(at: number, length: number): number;
  compressedBlock(at: number, size: number, blockMax: number): number;
  hashOutput(length: number): void;
  checksum(): number;
}

/** Compiled once a thread, at first use. */
let compiled: WebAssembly.Module | undefined;

export function instantiateZstd(): ZstdExports {
  compiled ??= new WebAssembly.Module(zstdModule());
  return new WebAssembly.Instance(compiled).exports as ZstdExports;
}

/**
 * Returns the build with vector instructions, or the one without for an engine that lacks them (V8
 * on a processor without SSE4.1).
 */
export function zstdModule(validate = WebAssembly.validate): Uint8Array {
  const withVectors = Buffer.from(ZSTD_SIMD_WASM_BASE64, 'base64');
  return validate(withVectors) ? withVectors : Buffer.from(ZSTD_WASM_BASE64, 'base64');
}
