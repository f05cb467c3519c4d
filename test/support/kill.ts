/**
 * Sends a signal to one process. Without a number, and with 0, the system would take the whole group of the tests, and with -1 all
 * there are: that is a fault of the test.
 */
export function killNow(pid: number | undefined, signal: NodeJS.Signals = 'SIGKILL'): void {
  if (pid === undefined || !Number.isInteger(pid) || pid <= 1)
    throw new Error(`there is no process to send ${signal} to: ${String(pid)}`);
  process.kill(pid, signal);
}
