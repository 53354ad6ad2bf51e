// Prints `ready PID`, then each signal that it gets on a line of its own. Usage: count-signals.mjs LAST CLEANUP_MS CODE
// After the signal LAST it goes on for CLEANUP_MS, prints all counts as JSON and ends with CODE.
const [last = 'SIGTERM', cleanup = '0', code = '0'] = process.argv.slice(2);
const counts = {};
let ending = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT', 'SIGALRM']) {
  process.on(signal, () => {
    counts[signal] = (counts[signal] ?? 0) + 1;
    process.stdout.write(`${signal}\n`);
    if (signal !== last || ending) return;
    ending = true;
    setTimeout(() => process.stdout.write(`${JSON.stringify(counts)}\n`, () => process.exit(Number(code))), Number(cleanup));
  });
}
setInterval(() => {}, 1_000_000);
process.stdout.write(`ready ${process.pid}\n`);
