/**
 * A pressed key: the character that it types, or a name of several letters (`up`, `enter`,
 * `ctrl-c`).
 */
export type Key = string;

const ESCAPE = 0x1b;
const OPENING_BRACKET = 0x5b;
const LETTER_O = 0x4f;
const DELETE = 0x7f;

/** Bytes of a sequence at most; those of keys are shorter than ten. */
const SEQUENCE_MAX = 32;

/** Final bytes of cursor keys (ECMA-48 CUU …; xterm's SS3 forms in application mode). */
const BY_FINAL: Readonly<Record<string, Key>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  F: 'end',
};

/** First parameters of `CSI n ~`, of VT220, rxvt and the Linux console. */
const BY_NUMBER: Readonly<Record<string, Key>> = {
  1: 'home',
  4: 'end',
  5: 'pageup',
  6: 'pagedown',
  7: 'home',
  8: 'end',
};

const BY_CONTROL: Readonly<Record<number, Key>> = {
  8: 'backspace',
  9: 'tab',
  10: 'enter',
  13: 'enter',
};

/** What stands at the start of the bytes. `length` 0: its end has not come yet. */
interface Decoded {
  length: number;
  key?: Key | undefined; // undefined: nothing that is known
}

/** Decodes what a terminal in raw mode sends. Keys may be cut anywhere between two reads. */
export class KeyDecoder {
  #pending: Uint8Array = new Uint8Array(0);

  /** Whether the start of a key has come: Esc alone is also the start of other keys. */
  get isPending(): boolean {
    return this.#pending.length > 0;
  }

  /** @returns the keys that are whole */
  push(bytes: Uint8Array): Key[] {
    const all = Buffer.concat([this.#pending, bytes]);
    const keys: Key[] = [];
    let at = 0;
    while (at < all.length) {
      const { length, key } = decode(all.subarray(at));
      if (length === 0) break;
      if (key !== undefined) keys.push(key);
      at += length;
    }
    this.#pending = all.subarray(at);
    return keys;
  }

  /** Ends what is pending: no more bytes came in time. @returns Esc, if it was the start */
  flush(): Key[] {
    const isEscape = this.#pending[0] === ESCAPE;
    this.#pending = new Uint8Array(0);
    return isEscape ? ['escape'] : [];
  }
}

function decode(bytes: Buffer): Decoded {
  const first = bytes[0]!;
  if (first === ESCAPE) return decodeEscape(bytes);
  const control = BY_CONTROL[first];
  if (control !== undefined) return { length: 1, key: control };
  if (first === DELETE) return { length: 1, key: 'backspace' };
  if (first >= 1 && first <= 26) return { length: 1, key: `ctrl-${String.fromCharCode(first + 0x60)}` };
  if (first < 0x20) return { length: 1 };
  return decodeCharacter(bytes);
}

function decodeEscape(bytes: Buffer): Decoded {
  const second = bytes[1];
  if (second === undefined) return { length: 0 };
  if (second === LETTER_O) {
    if (bytes.length < 3) return { length: 0 };
    return { length: 3, key: BY_FINAL[String.fromCharCode(bytes[2]!)] };
  }
  // Esc, and another key soon after it.
  if (second !== OPENING_BRACKET) return { length: 1, key: 'escape' };
  // The Linux console sends `CSI [ A` for F1.
  if (bytes[2] === OPENING_BRACKET) return { length: bytes.length < 4 ? 0 : 4 };
  for (let at = 2; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte >= 0x20 && byte <= 0x3f && at < SEQUENCE_MAX) continue;
    if (byte < 0x40 || byte > 0x7e) return { length: at }; // broken off by another key
    const [number = ''] = bytes.toString('latin1', 2, at).split(';');
    const final = String.fromCharCode(byte);
    return { length: at + 1, key: final === '~' ? BY_NUMBER[number] : BY_FINAL[final] };
  }
  return { length: 0 };
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeCharacter(bytes: Buffer): Decoded {
  const first = bytes[0]!;
  if (first < 0x80) return { length: 1, key: String.fromCharCode(first) };
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (bytes.length < length) {
    // Only a sequence that may still become whole is worth waiting for.
    const isOpen = first >= 0xc2 && first < 0xf5 && bytes.subarray(1).every((byte) => byte >> 6 === 2);
    return { length: isOpen ? 0 : 1 };
  }
  try {
    return { length, key: UTF8.decode(bytes.subarray(0, length)) };
  } catch {
    return { length: 1 };
  }
}
