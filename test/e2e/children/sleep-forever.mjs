// Prints `ready PID` and stays until it is ended.
setInterval(() => {}, 1_000_000);
process.stdout.write(`ready ${process.pid}\n`);
