import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** What the ends of the bench tell each other. */
export type FleetTells =
  | { kind: 'ready'; port: number; natsPid: number | undefined }
  | { kind: 'counts'; attached: number; uplinks: number; detached: number; refused: number };
export type FleetIsAsked = { kind: 'counts' } | { kind: 'end' };

/** One simulated sensor: key and certificate (PEM), and the key of its uplink. */
export interface BenchSensor {
  sensor: string;
  key: string;
  certificate: string;
  /** The nkey as the hub knows it (`U…`), and its private half: PKCS #8 in base64. */
  uplinkPublic: string;
  uplinkPrivate: string;
}

export interface FleetEndInput {
  dir: string;
  port: number;
  natsServer: string;
}
export interface SensorsEndInput {
  address: string;
  ca: string;
  /** JSON of BenchSensor[]. */
  file: string;
}

/**
 * Starts one end in a process of its own: this very bundle, with the name of an end. (A bench runs as a bundle, so there is no
 * file of its own to start.)
 */
export function startEnd(
  bundle: string,
  end: 'fleetEnd' | 'sensorsEnd',
  input: FleetEndInput | SensorsEndInput,
): ChildProcess {
  const code =
    'const [bundle, end, input] = process.argv.slice(1);' +
    'const ends = await import(bundle); await ends[end](JSON.parse(input));';
  return spawn(
    process.execPath,
    ['--input-type=module', '--eval', code, '--', bundle, end, JSON.stringify(input)],
    {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  );
}

/** Waits for one message of a kind. @throws when the process ends before, or the bench is aborted */
export async function told<K extends FleetTells['kind']>(
  child: ChildProcess,
  kind: K,
  signal: AbortSignal,
): Promise<Extract<FleetTells, { kind: K }>> {
  return new Promise((resolve, reject) => {
    const over = () => {
      child.off('message', onMessage);
      child.off('exit', onExit);
      signal.removeEventListener('abort', onAbort);
    };
    const onMessage = (message: FleetTells) => {
      if (message.kind !== kind) return;
      over();
      resolve(message as Extract<FleetTells, { kind: K }>);
    };
    const onExit = () => {
      over();
      reject(new Error('an end of the bench ended before its time'));
    };
    const onAbort = () => {
      over();
      reject(signal.reason as Error);
    };
    child.on('message', onMessage);
    child.on('exit', onExit);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** Ends a process and waits for it. */
export async function endProcess(
  child: ChildProcess | undefined,
  how: NodeJS.Signals = 'SIGKILL',
): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(how);
  await gone;
}
