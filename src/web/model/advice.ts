/** What the user can do about a fault, by its code. */
const ADVICE: Readonly<Record<string, string>> = {
  INVALID_REFERENCE:
    'A reference is [HOST/]NAME[:TAG][@DIGEST], such as nginx:alpine or ghcr.io/owner/name:1.0.',
  INVALID_ARGUMENT: 'Change what was entered. Or the address of this page is cut: choose the image again.',
  NOT_FOUND: 'Check the spelling of the image’s name and tag, or of the path.',
  UNAUTHORIZED:
    'The registry refuses. A private repository needs `layerslayer serve --credentials HOST`, and a login there.',
  NO_MATCHING_PLATFORM: 'Choose one of the platforms that the image has.',
  REGISTRY_UNAVAILABLE: 'Check the name of the registry, and the network of the server.',
  TIMED_OUT: 'The registry is slow. What was indexed is kept: try again.',
  RATE_LIMITED: 'The registry wants a pause. Wait a minute, or log in: the limit is higher then.',
  DIGEST_MISMATCH: 'The registry, or a proxy before it, sent other bytes than the image has.',
  CORRUPT_LAYER: 'The layer is damaged. `layerslayer peek` says where.',
  UNSUPPORTED: 'This kind of image or layer cannot be read.',
  FORBIDDEN: 'This server does not allow it: see the options of `layerslayer serve`.',
  BUSY: 'The server has much to do. Try again in a moment.',
  NETWORK: 'Is `layerslayer serve` still running?',
  INTERNAL: 'A fault in layerslayer itself. Its log on the terminal says more.',
};

export function adviceFor(code: string): string | undefined {
  return ADVICE[code];
}
