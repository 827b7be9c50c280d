/**
 * What a transport supports of a `LayerFs`, where transports differ. The conformance suite depends
 * on it: tests of what a transport lacks are skipped, all others must pass.
 */
export interface Capabilities {
  /** Times to the nanosecond; else to the millisecond. */
  readonly nanoseconds: boolean;
  /** Times before 1970. */
  readonly timesBefore1970: boolean;
  /** Names, link targets and names of attributes that are not valid UTF-8. */
  readonly nonUtf8Names: boolean;
  /** Inode numbers beyond 32 bits. */
  readonly wideInodes: boolean;
  /** ERANGE for a buffer that is too short for an extended attribute. */
  readonly shortXattrBuffers: boolean;
  /** SEEK_HOLE and SEEK_DATA of lseek(2). */
  readonly holes: boolean;
  /** A signal ends a read or lookup that waits for the network. */
  readonly interrupts: boolean;
  /** A mountpoint that is not empty, when asked for. */
  readonly nonemptyMountpoints: boolean;
  /** A mountpoint where something is mounted already, when asked for. */
  readonly overMounts: boolean;
  /** open_by_handle_at(2), and so NFS servers, also when the kernel has forgotten the inode. */
  readonly lastingHandles: boolean;
}

export const ALL_CAPABILITIES: Capabilities = {
  nanoseconds: true,
  timesBefore1970: true,
  nonUtf8Names: true,
  wideInodes: true,
  shortXattrBuffers: true,
  holes: true,
  interrupts: true,
  nonemptyMountpoints: true,
  overMounts: true,
  lastingHandles: true,
};

/**
 * The capabilities of fuse-native 2.2 and libfuse 2.9. Their names are UTF-8 strings, their times
 * milliseconds since 1970.
 */
export const FUSE_NATIVE_CAPABILITIES: Capabilities = {
  ...ALL_CAPABILITIES,
  nanoseconds: false,
  timesBefore1970: false,
  nonUtf8Names: false,
  wideInodes: false,
  holes: false,
  interrupts: false,
  overMounts: false,
  lastingHandles: false,
};
