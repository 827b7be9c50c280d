// A daemon that runs but never reports anything, as if its threads could not start.
setInterval(() => {}, 2 ** 31 - 1);
