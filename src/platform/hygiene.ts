/**
 * Keeps the runtime's own tools away from our memory: debugger, heap snapshots and reports, which whoever set
 * NODE_OPTIONS meant for the program that we start. Our environment stays as it is, so that the program gets them.
 */

/** To be called once, before anything listens for a signal. */
export function refuseInspection(env: Readonly<Record<string, string | undefined>> = process.env): void {
  // What listens already is the runtime itself: --heapsnapshot-signal, --report-on-signal; SIGWINCH is its terminals'.
  for (const event of process.eventNames()) if (/^SIG(?!WINCH)/.test(String(event))) process.removeAllListeners(event);
  // Without a listener the runtime would open a debugger.
  if (process.platform !== 'win32') process.on('SIGUSR1', () => undefined);
  closeInspector();
  if ((env['NODE_OPTIONS'] ?? '') !== '' || process.execArgv.length > 0) refuseReports();
}

/**
 * Closes a debugger's port. To be called again before there is something to see: a SIGUSR1 that came in before our
 * listener may open it a little later.
 */
export function closeInspector(): void {
  // What `inspector.close()` calls; loading that module would take two milliseconds of every start.
  const end: unknown = Reflect.get(process, '_debugEnd');
  if (typeof end === 'function') end.call(process);
  else process.getBuiltinModule('node:inspector').close();
}

function refuseReports(): void {
  const { report } = process;
  report.reportOnFatalError = false;
  report.reportOnSignal = false;
  report.reportOnUncaughtException = false;
  report.excludeEnv = true;
}
