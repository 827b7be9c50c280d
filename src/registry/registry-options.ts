/** What the user said about reaching registries. Plain data: it crosses to the thread that owns the network. */
export interface RegistryOptions {
  username?: string; // with password: basic credentials, first in the order of credentials
  password?: string;
  token?: string; // a bearer token (--token-file): goes to the reference's registry and its token realm, nowhere else
  insecure: boolean; // plain HTTP, or TLS without verification
}
