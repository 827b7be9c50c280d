/** The part of the WebAssembly JavaScript API that we use; TypeScript has it only among the DOM's types. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module);
    readonly exports: unknown;
  }
  class Memory {
    constructor(limits: { initial: number });
    readonly buffer: ArrayBuffer;
  }
}
