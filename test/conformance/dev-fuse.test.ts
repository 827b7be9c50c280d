import { DevFuseTransport } from '#src/fuse/dev-fuse/dev-fuse-transport.js';
import { ALL_CAPABILITIES } from './capabilities.js';
import { conformance } from './conformance.js';

conformance('dev-fuse', new DevFuseTransport(), ALL_CAPABILITIES);
