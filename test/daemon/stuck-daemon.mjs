// A daemon that runs and never says anything, as one whose threads cannot be started.
setInterval(() => {}, 2 ** 31 - 1);
