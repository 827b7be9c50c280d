/**
 * Loads koffi, which calls C functions. It is an optional dependency with native parts.
 * @throws the loader's error if it is not installed, or has no build for this machine
 */
export async function loadKoffi() {
  return (await import('koffi')).default;
}
