// Starts itself once more and prints, for both, each signal as `child SIGNAL` or `grandchild SIGNAL`; SIGQUIT, the last, ends both.
// Prints `ready` when both listen.
import { spawn } from 'node:child_process';

const [role = 'child'] = process.argv.slice(2);
for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGQUIT']) {
  process.on(signal, () => {
    process.stdout.write(`${role} ${signal}\n`);
    if (signal === 'SIGQUIT') process.exitCode = 7;
    if (signal === 'SIGQUIT') clearTimeout(stay);
  });
}
const stay = setTimeout(() => {}, 60_000);
if (role === 'grandchild') process.stdout.write('ready\n');
else spawn(process.execPath, [import.meta.filename, 'grandchild'], { stdio: 'inherit' });
