// Loaded into the program by NODE_OPTIONS: acts when it starts its program, as $AT_SPAWN says.
// `signal NAME`: sends it to itself just before. `throw`: fails soon after, with an error that holds $THROWN.
// `no-pty`: the package of pseudo-terminals is not there.
const processes = require('node:child_process');
const { syncBuiltinESMExports } = require('node:module');
const Module = require('node:module');

const [what, signal] = (process.env.AT_SPAWN ?? '').split(' ');
const { spawn } = processes;
processes.spawn = (...all) => {
  // The pipes of a masked output are made by a program too.
  if (String(all[0]).endsWith('mkfifo')) return spawn(...all);
  if (what === 'signal') process.kill(process.pid, signal);
  const started = spawn(...all);
  if (what === 'throw') {
    started.stdout?.on('data', () => {});
    started.once('spawn', () =>
      setTimeout(() => {
        throw new Error(process.env.THROWN);
      }, 300),
    );
  }
  return started;
};
if (what === 'no-pty') {
  const { _resolveFilename: find } = Module;
  Module._resolveFilename = (request, ...rest) => {
    if (request.startsWith('@lydell/')) throw new Error('not there');
    return find(request, ...rest);
  };
}
syncBuiltinESMExports();
