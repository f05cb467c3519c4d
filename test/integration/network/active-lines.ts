import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { waitFor } from '@bulkhead/platform/kernel';

/** One TCP connection out of a namespace that stays open. */
export interface Lines {
  child: ChildProcess;
  /** Sends a line and waits for its echo. @returns whether it came within `timeoutMs`. */
  echo(text: string, timeoutMs: number): Promise<boolean>;
}

/** Opens a connection to an echo server and waits for its greeting. */
export async function openLines(namespace: string, address: string, port: number): Promise<Lines> {
  const child = spawn(
    'ip',
    ['netns', 'exec', namespace, process.execPath, '-e', CLIENT, address, String(port)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const seen: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => seen.push(line));
  await waitFor('the greeting of the server', 10_000, () => seen.length > 0);
  return {
    child,
    echo: async (text, timeoutMs) => {
      child.stdin.write(`${text}\n`);
      return waitFor('an echo', timeoutMs, () => seen.includes(text)).catch(() => false);
    },
  };
}

const CLIENT = `
const [address, port] = process.argv.slice(1);
const socket = require('node:net').connect(Number(port), address);
socket.on('error', () => process.exit(1));
socket.pipe(process.stdout);
process.stdin.pipe(socket);
`;
