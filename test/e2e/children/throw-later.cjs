// Loaded into the program by NODE_OPTIONS: once it can be caught, fails with an error that holds $THROWN everywhere.
// $THROWN_HOW is `throw` or `reject`.
const { THROWN = '', THROWN_HOW = 'throw' } = process.env;
const error = Object.assign(new Error(THROWN, { cause: new Error(THROWN) }), { value: THROWN, name: THROWN });
const timer = setInterval(() => {
  if (process.listenerCount('uncaughtException') === 0 || process.listenerCount('unhandledRejection') === 0) return;
  clearInterval(timer);
  if (THROWN_HOW === 'reject') void Promise.reject(error);
  else throw error;
}, 1);
