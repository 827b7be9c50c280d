/** The user's options for registries, as plain data for the network's thread. */
export interface RegistryOptions {
  username?: string; // with password: basic credentials, first in the order of credentials
  password?: string;
  token?: string; // bearer token (--token-file), sent only to the reference's registry and its token realm
  insecure: boolean; // plain HTTP, or TLS without verification
}
