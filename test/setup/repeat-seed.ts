/** With LAYERSLAYER_SEED, properties of fast-check repeat its runs too; they print their seed when they fail. */
import fc from 'fast-check';
import { RUN_SEED } from './seed.js';

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: RUN_SEED });
