import { FuseNativeTransport } from '#src/fuse/fuse-native/fuse-native-transport.js';
import { HAS_FUSE_NATIVE } from '../fuse/mounting.js';
import { FUSE_NATIVE_CAPABILITIES } from './capabilities.js';
import { conformance } from './conformance.js';

conformance('fuse-native', new FuseNativeTransport(), FUSE_NATIVE_CAPABILITIES, { isHere: HAS_FUSE_NATIVE });
