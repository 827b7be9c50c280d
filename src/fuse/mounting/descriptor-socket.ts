import { closeSync } from 'node:fs';
import { LayerslayerError } from '../../base/errors.js';
import { loadKoffi } from '../../base/system-calls/load-koffi.js';

/** Numbers of Linux's ABI, the same on each architecture that koffi has a build for. */
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x40000000;

/** Capacity for struct cmsghdr with a few descriptors. Only one is ever sent. */
const CONTROL_CAPACITY = 64; // bytes

/**
 * Runs a program that sends an open descriptor over a socket, and returns the descriptor. Node's
 * sockets drop those.
 * @param run gets the program's end of the socket, and resolves when the program has ended
 * @returns undefined if none was sent
 * @throws the error of `run`; LayerslayerError MOUNT_FAILED if koffi is not installed or the system
 *   has no sockets left
 */
export async function receiveDescriptor(run: (peer: number) => Promise<void>): Promise<number | undefined> {
  const koffi = await koffiForMounting();
  const libc = koffi.load(null); // this program's own: glibc or musl, whatever its name
  const socketpair = libc.func('int socketpair(int, int, int, _Out_ int *)');
  const recvmsg = libc.func('intptr_t recvmsg(int, void *, int)');
  // struct iovec and struct msghdr of recvmsg(2), padded by the platform's rules. musl declares two
  // of the lengths as int with a padding of zeros after it: the same bytes in little endian.
  const iovec = koffi.struct({ base: 'void *', length: 'size_t' });
  const msghdr = koffi.struct({
    name: 'void *',
    nameLength: 'uint32_t',
    vectors: koffi.pointer(iovec),
    vectorsLength: 'size_t',
    control: 'void *',
    controlLength: 'size_t',
    flags: 'int',
  });

  const ends = [-1, -1];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) !== 0) {
    throw new LayerslayerError('MOUNT_FAILED', `socketpair: error ${koffi.errno()}`);
  }
  const [own, peer] = ends as [number, number];
  try {
    await run(peer);
    const control = Buffer.alloc(CONTROL_CAPACITY);
    const message = {
      name: null,
      nameLength: 0,
      vectors: [{ base: Buffer.alloc(1), length: 1 }], // descriptors travel with a byte at least
      vectorsLength: 1,
      control,
      controlLength: control.length,
      flags: 0,
    };
    const pointer = koffi.as(message, koffi.pointer(msghdr));
    const received = recvmsg(own, pointer, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    return received === 1 ? descriptorIn(control, koffi.sizeof('size_t')) : undefined;
  } finally {
    for (const end of [own, peer]) closeSync(end);
  }
}

/** Returns the descriptor in struct cmsghdr: length (size_t), level, type, then the descriptors. */
function descriptorIn(control: Buffer, lengthSize: number): number | undefined {
  const isRights =
    control.readInt32LE(lengthSize) === SOL_SOCKET && control.readInt32LE(lengthSize + 4) === SCM_RIGHTS;
  return isRights ? control.readInt32LE(lengthSize + 8) : undefined;
}

async function koffiForMounting() {
  try {
    return await loadKoffi();
  } catch (error) {
    const message =
      'mounting as an ordinary user needs the npm package koffi, which is not installed here; run as root, or install' +
      ` layerslayer with its optional dependencies (${(error as Error).message.split('\n')[0]})`;
    throw new LayerslayerError('MOUNT_FAILED', message, { cause: error });
  }
}
