import { createHmac, randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openInstrument, type Instrument, type OpenOptions } from '@bulkhead/sdk';
import {
  consumerName,
  openBus,
  streamName,
  type Bus,
  type BusInstrument,
  type BusModel,
} from '@bulkhead/platform/bus';
import { openLog, site, sitePaths, type Site } from '@bulkhead/platform/kernel';
import { freePort } from './free-port.ts';

export { freePort };

/** A bus of its own for one test: folders, port and keys, with everything removed by `dispose`. */
export interface BusBench {
  site: Site;
  bus: Bus;
  /** The program under test. */
  natsServer: string;
  secret: (purpose: string) => Buffer;
  /** A further platform on the same folders, as after a restart of `sensord`. */
  reopen(): Bus;
  /** The sdk's end of an instrument of the model, with its current key. */
  instrument(model: BusModel, name: string, options?: OpenOptions): Promise<Instrument>;
  /** Writes `instrument.json` and key, as `sensord` does; returns the path. */
  writeInstrumentFile(model: BusModel, name: string): Promise<string>;
  dispose(): Promise<void>;
}

/** An instrument with no rights but those given. */
export function busInstrument(name: string, rights: Partial<BusInstrument> = {}): BusInstrument {
  return { publish: [], read: [], send: [], accept: [], services: [], ...rights, name };
}

/** A model with small streams. */
export function busModel(instruments: BusInstrument[], values: Partial<BusModel> = {}): BusModel {
  return { sensor: 'lab', encrypt: true, streamMib: 16, ...values, instruments };
}

/** What differs from a bus on the machine's own disk. */
export interface BusBenchOptions {
  /** Durable folder, on a disk of the test's own. */
  stateDir?: string;
  /** Program to run instead of the installed nats-server. */
  natsServer?: string;
  /** Derives the keys: that of another bench, whose store this one opens. */
  secret?: (purpose: string) => Buffer;
}

/** Makes folders and a free port, and opens a bus that is not started yet. */
export async function openBusBench(label = 'bn1', options: BusBenchOptions = {}): Promise<BusBench> {
  const folder = await mkdtemp(join(tmpdir(), `${label}-`));
  // The server runs as a user of its own and has to pass through.
  await chmod(folder, 0o711);
  const key = randomBytes(32);
  const secret =
    options.secret ?? ((purpose: string): Buffer => createHmac('sha256', key).update(purpose).digest());
  const at = site({
    prefix: 'bn1',
    stateDir: options.stateDir ?? join(folder, 'state'),
    runDir: join(folder, 'run'),
    natsPort: await freePort(),
  });
  const natsServer = options.natsServer ?? sitePaths(site()).natsServer;
  const log = openLog('bus', process.env['BULKHEAD_TEST_LOG'] ?? 'silent');
  const opened: Bus[] = [];
  const instruments: Instrument[] = [];
  const reopen = (): Bus => {
    const bus = openBus({ site: at, log, secret, natsServer });
    opened.push(bus);
    return bus;
  };
  const bus = reopen();
  const writeInstrumentFile = async (model: BusModel, name: string): Promise<string> => {
    const file = join(folder, `${name}-${randomBytes(4).toString('hex')}.json`);
    const keyFile = `${file}.nk`;
    await writeFile(keyFile, bus.identity(name).seed, { mode: 0o400 });
    await writeFile(file, JSON.stringify(instrumentFile(model, name, at.natsPort, keyFile)));
    return file;
  };
  return {
    site: at,
    bus,
    natsServer,
    secret,
    reopen,
    writeInstrumentFile,
    instrument: async (model, name, options = {}) => {
      const file = await writeInstrumentFile(model, name);
      const instrument = await openInstrument({ file, signals: false, logTo: () => undefined, ...options });
      instruments.push(instrument);
      return instrument;
    },
    dispose: async () => {
      await Promise.all(instruments.map((instrument) => instrument.close()));
      await Promise.all(opened.slice(0, -1).map((other) => other.close()));
      await opened.at(-1)?.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** `instrument.json` as the sensor writes it for the rights of a model. */
function instrumentFile(model: BusModel, name: string, port: number, keyFile: string): unknown {
  const instrument = model.instruments.find((other) => other.name === name) ?? busInstrument(name);
  return {
    protocol: 1,
    name,
    package: name,
    version: '0.1.0',
    sensor: model.sensor,
    bus: { url: `nats://127.0.0.1:${String(port)}`, keyFile },
    options: {},
    interfaces: [],
    publish: instrument.publish,
    read: instrument.read.map(({ from, type }) => ({
      from,
      type,
      stream: streamName(from),
      consumer: consumerName(name, type),
    })),
    send: instrument.send,
    accept: instrument.accept,
    services: instrument.services ?? [],
  };
}
