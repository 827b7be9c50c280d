/** Seed of what this run tries at random. Setting LAYERSLAYER_SEED repeats a run. */
export const RUN_SEED = Number(process.env.LAYERSLAYER_SEED ?? Math.floor(Math.random() * 2 ** 31));
