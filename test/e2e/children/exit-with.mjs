// Ends with the exit code that it is given.
process.exitCode = Number(process.argv[2]);
