import { endianness } from 'node:os';
import { LayerslayerError } from '../base/errors.js';

/** OCI image-spec, image-index.md, "platform". Names are GOOS and GOARCH. */
export interface Platform {
  os: string;
  architecture: string;
  variant?: string;
  osVersion?: string;
}

/** Architectures that Go names otherwise than `process.arch`. */
const GOARCH: Record<string, string> = {
  x64: 'amd64',
  ia32: '386',
  ppc64: endianness() === 'LE' ? 'ppc64le' : 'ppc64',
  mipsel: 'mipsle',
};

/** Aliases of architectures, as in containerd (platforms/database.go). */
const ARCHITECTURE_ALIASES: Record<string, { architecture: string; variant?: string }> = {
  i386: { architecture: '386' },
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
};

/** Returns the default platform: linux and this machine's architecture. */
export function defaultPlatform(): Platform {
  return normalizePlatform({ os: 'linux', architecture: GOARCH[process.arch] ?? process.arch });
}

/** GOOS as containerd knows them: such a word alone is an operating system. */
const KNOWN_OS = new Set(
  (
    'aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris wasip1 ' +
    'windows zos'
  ).split(' '),
);

/** GOARCH as containerd knows them: such a word alone is an architecture. */
const KNOWN_ARCHITECTURES = new Set(
  (
    '386 amd64 amd64p32 arm armbe arm64 arm64be loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le ppc ' +
    'ppc64 ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm'
  ).split(' '),
);

/**
 * Parses `[os/]architecture[/variant]` or `os` as containerd's `platforms.Parse`. Unlike there,
 * `arm64/v8` is an architecture with its variant.
 * @throws LayerslayerError INVALID_ARGUMENT
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/');
  const refuse = () =>
    new LayerslayerError(
      'INVALID_ARGUMENT',
      `invalid platform ${JSON.stringify(text.slice(0, 100))}: want [OS/]ARCH[/VARIANT], such as arm64 or linux/arm/v7`,
    );
  if (parts.length > 3 || !parts.every((part) => /^[\w.-]+$/.test(part))) throw refuse();
  const [first, ...rest] = parts as [string, ...string[]];
  const { os, architecture } = normalizePlatform({ os: first, architecture: first });
  const isOs = KNOWN_OS.has(os);
  const isArchitecture = KNOWN_ARCHITECTURES.has(architecture);
  if (rest.length === 0 && isOs) return { ...defaultPlatform(), os };
  if (rest.length === 0 && !isArchitecture) throw refuse();
  const leavesOsOut = rest.length === 0 || (rest.length === 1 && isArchitecture && !isOs);
  const named = leavesOsOut
    ? { os: 'linux', architecture: first }
    : { os: first, architecture: rest.shift()! };
  const [variant] = rest;
  return normalizePlatform({ ...named, ...(variant !== undefined && { variant }) });
}

export function formatPlatform(platform: Platform): string {
  const variant = platform.variant ? `/${platform.variant}` : '';
  return `${platform.os}/${platform.architecture}${variant}`;
}

/**
 * Returns the one spelling of a platform, as containerd does: lower case, aliases resolved.
 * `arm64/v8` and `amd64/v1` become the bare architecture, a bare `arm` becomes `arm/v7`, and
 * variants start with `v`.
 */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase();
  const named = platform.architecture.toLowerCase();
  const alias = Object.hasOwn(ARCHITECTURE_ALIASES, named) ? ARCHITECTURE_ALIASES[named] : undefined;
  const architecture = alias?.architecture ?? named;
  const given = alias?.variant ?? platform.variant?.toLowerCase() ?? '';
  const variant = normalVariant(architecture, /^\d/.test(given) ? `v${given}` : given);
  return {
    os: os === 'macos' ? 'darwin' : os,
    architecture,
    ...(variant !== '' && { variant }),
    ...(platform.osVersion !== undefined && { osVersion: platform.osVersion }),
  };
}

function normalVariant(architecture: string, variant: string): string {
  if (architecture === 'arm' && variant === '') return 'v7';
  if (architecture === 'arm64' && (variant === 'v8' || variant === 'v8.0')) return '';
  if (architecture === 'amd64' && variant === 'v1') return '';
  return variant;
}

/**
 * Returns how well `offered` fits `wanted`: 0 is exact, higher is worse, undefined does not fit.
 * Lower variants of an architecture fit (containerd's `platformVector`). Unlike there, an
 * architecture that the machine could run too (386 on amd64) does not.
 */
export function platformDistance(wanted: Platform, offered: Platform): number | undefined {
  const want = normalizePlatform(wanted);
  const have = normalizePlatform(offered);
  if (want.os !== have.os || want.architecture !== have.architecture) return undefined;
  if (want.osVersion !== undefined && want.osVersion !== have.osVersion) return undefined;
  if (want.variant === have.variant) return 0;
  const distance = variantRank(want) - variantRank(have);
  return distance > 0 ? distance : undefined;
}

/** Returns 8.2 for `v8.2`, the lowest for no variant, NaN for a variant that fits only itself. */
function variantRank(platform: Platform): number {
  if (platform.variant !== undefined) {
    const digits = /^v(\d+(?:\.\d+)?)$/.exec(platform.variant)?.[1];
    return digits === undefined ? Number.NaN : Number(digits);
  }
  return platform.architecture === 'arm64' ? 8 : 1;
}
