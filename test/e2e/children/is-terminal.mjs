// Prints as JSON what it knows of its terminal, and again after each change of size.
const tell = () => {
  const { isTTY = false, columns, rows } = process.stdout;
  process.stdout.write(`${JSON.stringify({ stdin: process.stdin.isTTY ?? false, stdout: isTTY, columns, rows })}\n`);
};
tell();
if (process.argv[2] === '--stay') {
  process.on('SIGWINCH', tell);
  setInterval(() => {}, 1_000_000);
}
