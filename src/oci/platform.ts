/** OCI image-spec, image-index.md, "platform". Names are GOOS and GOARCH. */
export interface Platform {
  os: string;
  architecture: string;
  variant?: string;
  osVersion?: string;
}
