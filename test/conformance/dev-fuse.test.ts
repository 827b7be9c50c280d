import { DevFuseTransport } from '#dist/fuse/dev-fuse/dev-fuse-transport.js';
import { conformance } from './conformance.js';

conformance(new DevFuseTransport());
