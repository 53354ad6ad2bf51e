// Starts a process that keeps standard output open, prints its pid, and ends with the exit code that it is given.
import { spawn } from 'node:child_process';

const grandchild = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1_000_000)'], {
  detached: true,
  stdio: ['ignore', 'inherit', 'inherit'],
});
grandchild.unref();
process.stdout.write(`${grandchild.pid}\n`, () => process.exit(Number(process.argv[2])));
