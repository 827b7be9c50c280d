import { FuseNativeTransport } from '#dist/fuse/fuse-native/fuse-native-transport.js';
import { HAS_FUSE_NATIVE } from '../fuse/mounting.js';
import { conformance } from './conformance.js';

conformance(new FuseNativeTransport(), { isHere: HAS_FUSE_NATIVE });
