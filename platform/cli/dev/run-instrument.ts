import { watch } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { GrantsSchema, type Grants, type Manifest } from '../../contracts/index.ts';
import { BulkheadError, describeError } from '../../kernel/index.ts';
import { asksInWords, everythingAsked, loadPackage } from '../../packages/index.ts';
import type { SensorClient } from '../client.ts';
import type { GlobalOptions } from '../command-group.ts';
import { EXIT } from '../exit-codes.ts';
import { buildApp } from './build-app.ts';

/** Options of `bulkhead dev run`. */
export interface DevRunOptions {
  name?: string;
  interface: string[];
  grantAll?: boolean;
  watch?: boolean;
}

/** Changes that follow each other this closely are built once. */
const SETTLE_MS = 120;

type Tell = (line: Record<string, unknown> & { text: string }) => void;

/** `bulkhead dev run`: builds and runs an instrument until Ctrl-C, and shows what it writes. */
export async function runInstrument(
  client: SensorClient,
  options: GlobalOptions,
  folder: string,
  own: DevRunOptions,
): Promise<number> {
  const tell: Tell = ({ text, ...rest }) => {
    process.stdout.write(options.json === true ? `${JSON.stringify({ ...rest, text })}\n` : `${text}\n`);
  };
  const dir = resolve(folder);
  const ending = new AbortController();
  const stop = () => {
    ending.abort();
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  let name: string | undefined;
  try {
    const manifest = await manifestOf(dir);
    name = own.name ?? `dev-${manifest.name}`.slice(0, 30).replace(/-$/, '');
    const request = {
      name,
      interfaces: wiring(own.interface),
      grants: await consent(client, manifest, own, tell, options),
    };
    const deploy = async () => {
      const startedMs = performance.now();
      const app = await buildApp(dir);
      try {
        await client.post('/dev/instruments', { ...request, dir: app.dir });
      } finally {
        await app.remove();
      }
      const took = Math.round(performance.now() - startedMs);
      tell({
        kind: 'running',
        name,
        ms: took,
        text: `${request.name} runs, unverified (${String(took)} ms); Ctrl-C ends it`,
      });
    };
    await deploy();
    const watching = own.watch === true ? redeploy(dir, deploy, tell, ending.signal) : undefined;
    await follow(client, name, tell, ending.signal);
    ending.abort();
    await watching;
    return EXIT.ok;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    if (name !== undefined) {
      await client.post(`/dev/instruments/${name}/end`).catch((error: unknown) => {
        process.stderr.write(`${describeError(error)}\n`);
      });
    }
  }
}

async function manifestOf(dir: string): Promise<Manifest> {
  const app = await buildApp(dir);
  try {
    return (await loadPackage(app.dir)).manifest;
  } finally {
    await app.remove();
  }
}

/** `mon0=mon` each. @throws BulkheadError CLI_USAGE */
function wiring(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [port, monitor, ...rest] = pair.split('=');
      if (port !== undefined && port !== '' && monitor !== undefined && rest.length === 0)
        return [port, monitor];
      throw new BulkheadError({
        code: 'CLI_USAGE',
        message: `--interface ${pair} is not INTERFACE=MONITOR, e.g. mon0=mon.`,
      });
    }),
  );
}

/** Says in words what the instrument asks for. Nothing is granted unless a person says so. */
async function consent(
  client: SensorClient,
  manifest: Manifest,
  own: DevRunOptions,
  tell: Tell,
  options: GlobalOptions,
): Promise<Grants> {
  const none = GrantsSchema.parse({});
  const asks = asksInWords(manifest);
  if (asks.length === 0) return none;
  tell({
    kind: 'asks',
    asks,
    text: `${manifest.title} asks:\n${asks.map((line) => `  - ${line}`).join('\n')}`,
  });
  const all = own.grantAll === true || (process.stdin.isTTY && options.json !== true && (await sayYes()));
  if (!all) {
    tell({ kind: 'granted', granted: false, text: 'Nothing of it is granted (--grant-all grants it).' });
    return none;
  }
  tell({
    kind: 'granted',
    granted: true,
    text: 'All of it is granted, as far as there is anybody to read from or send to.',
  });
  return everythingAsked(manifest, (await client.status()).instruments);
}

async function sayYes(): Promise<boolean> {
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await prompt.question('Grant all of it? [y/N] ')).trim());
  } finally {
    prompt.close();
  }
}

/** Prints what the instrument writes and how it is, until it is gone or `signal`. */
async function follow(client: SensorClient, name: string, tell: Tell, signal: AbortSignal): Promise<void> {
  try {
    for await (const line of client.lines(`/dev/instruments/${name}/session`, {}, signal)) {
      const { kind, ...rest } = line as {
        kind: string;
        line?: string;
        state?: string;
        health?: string;
        detail?: string;
      };
      const detail = rest.detail === undefined ? '' : `: ${rest.detail}`;
      if (kind === 'log') tell({ kind, text: rest.line ?? '' });
      else
        tell({
          kind,
          ...rest,
          text: `-- ${name} is ${rest.state ?? ''}, health ${rest.health ?? ''}${detail}`,
        });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Builds and runs it again after each change below `dir`. What cannot be built is told, and the old one runs on. */
async function redeploy(
  dir: string,
  deploy: () => Promise<void>,
  tell: Tell,
  signal: AbortSignal,
): Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const again = () => {
    running = running.then(async () => {
      if (signal.aborted) return;
      await deploy().catch((error: unknown) => {
        tell({ kind: 'fault', text: describeError(error) });
      });
    });
  };
  const watcher = watch(dir, { recursive: true }, (_event, file) => {
    if (file !== null && /(^|\/)(node_modules|\.git|__pycache__)(\/|$)|~$|\.sw[a-z]$/.test(file)) return;
    clearTimeout(timer);
    timer = setTimeout(again, SETTLE_MS);
  });
  await new Promise<void>((done) => {
    if (signal.aborted) done();
    signal.addEventListener('abort', () => {
      done();
    });
  });
  watcher.close();
  clearTimeout(timer);
  await running;
}
