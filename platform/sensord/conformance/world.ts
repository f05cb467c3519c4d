import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { connect, nkeyAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { GrantsSchema, PLATFORM, type Manifest } from '../../contracts/index.ts';
import { site, sitePaths, type Logger, type Site } from '../../kernel/index.ts';
import { KeyRing } from '../../storage/index.ts';
import { desiredInstrument, type DesiredInstrument } from '../desired.ts';
import { tryUnlock } from '../key-unlock.ts';
import { loadPackageFrom } from '../library.ts';
import { openRooms, type Rooms } from '../open-rooms.ts';
import { dropRunDir, ensureRunDir } from '../run-dir.ts';
import { startInstrument } from '../start-instrument.ts';

/** Who sends commands to the instrument under check. */
export const CHECKER = 'conformance-checker';

/**
 * Runs the program and says on the console how it ended; LXD does not tell. Signals go to the whole process group, so the
 * program gets its own, and the shell waits on.
 */
const TELL_EXIT =
  'trap : TERM PWR; "$0" "$@" & p=$!; while :; do wait $p; s=$?; kill -0 $p 2>/dev/null || break; done; echo "bulkhead-check: exit $s"';

/** A sensor of one instrument: a container, a bus and a volume that exist for the check alone. */
export interface CheckWorld {
  site: Site;
  rooms: Rooms;
  manifest: Manifest;
  instrument: DesiredInstrument;
  /** A connection with the rights of one who is there: the instrument itself, a publisher that it reads, the checker. */
  connectAs(name: string): Promise<NatsConnection>;
  dispose(): Promise<void>;
}

/** Makes the world and starts the instrument in it, with everything granted that it asks for and no interface wired. */
export async function openCheckWorld(dir: string, log: Logger): Promise<CheckWorld> {
  const prefix = `k${randomBytes(2).toString('hex').slice(0, 3)}`;
  const at = site({
    prefix,
    stateDir: `/var/lib/bulkhead-check/${prefix}`,
    runDir: `/run/bulkhead-check/${prefix}`,
    natsPort: await freePort(),
    lxdProject: `bulkhead-check-${prefix}`,
    lxdPool: `bulkhead-check-${prefix}`,
  });
  await mkdir(at.stateDir, { recursive: true, mode: 0o711 });
  await ensureRunDir(at.runDir);
  // A key of its own, which goes with its volume at the end.
  const keys = await KeyRing.open(sitePaths(at).keysDir, log);
  await tryUnlock(keys, at, { keyFile: undefined, passphraseFile: undefined });
  const rooms = await openRooms(at, { keys, logLevel: 'fatal' }, log);
  const connections: NatsConnection[] = [];
  const dispose = async () => {
    for (const connection of connections) await connection.close().catch(() => undefined);
    await rooms.runtime.removeAll().catch((error: unknown) => {
      log.error({ err: error }, 'a container of the check could not be removed');
    });
    await rooms.network.removeAll().catch(() => undefined);
    await rooms.bus.stop().catch(() => undefined);
    for (const { name } of await rooms.storage.list())
      await rooms.storage.destroy(name).catch(() => undefined);
    await rooms.storage.close();
    await dropRunDir(at.runDir);
    await rm(at.runDir, { recursive: true, force: true });
    await rm(at.stateDir, { recursive: true, force: true });
  };
  try {
    const from = await loadPackageFrom({ site: at, ...rooms.packages }, dir);
    const { manifest } = from;
    const told = { ...manifest, command: ['/bin/sh', '-c', TELL_EXIT, ...manifest.command] };
    const publishers = [...new Set(manifest.asks.read.map((right) => right.from))].filter(
      (name) => name !== manifest.name && name !== PLATFORM,
    );
    const instrument = desiredInstrument(
      { sensor: { name: 'check' }, activeInterfaces: [] },
      {
        name: manifest.name,
        package: manifest.name,
        enabled: true,
        interfaces: {},
        active: {},
        grants: GrantsSchema.parse({
          capabilities: manifest.asks.capabilities,
          publish: manifest.asks.publish,
          read: manifest.asks.read,
        }),
        options: {},
        resources: {},
        limits: {},
      },
      { ...from, manifest: told },
      new Map([manifest.name, ...publishers].map((name) => [name, name])),
    );
    const { publish, read, send, accept } = instrument.rights;
    await rooms.runtime.prepare();
    await rooms.bus.ensure({
      sensor: 'check',
      encrypt: true,
      streamMib: 16,
      instruments: [
        { name: manifest.name, publish, read, send, accept },
        ...publishers.map((name) => ({
          name,
          publish: manifest.asks.read.filter((right) => right.from === name).map(({ type }) => type),
          read: [],
          send: [],
          accept: [],
        })),
        {
          name: CHECKER,
          publish: [],
          read: [],
          send: accept.map((command) => ({ to: manifest.name, command })),
          accept: [],
        },
      ],
    });
    const { runtime } = rooms;
    const checked = {
      ensureImage: async (file: string) =>
        runtime.ensureImage(file, (await rooms.packages.checkImageArchive(file)).fingerprint),
      list: () => runtime.list(),
      create: runtime.create.bind(runtime),
      start: runtime.start.bind(runtime),
      stop: runtime.stop.bind(runtime),
      remove: runtime.remove.bind(runtime),
    };
    await startInstrument({ site: at, log, ...rooms, runtime: checked }, 'check', instrument);
    return {
      site: at,
      rooms,
      manifest,
      instrument,
      connectAs: async (name) => {
        const seed = new TextEncoder().encode(rooms.bus.identity(name).seed);
        const connection = await connect({
          servers: `127.0.0.1:${String(at.natsPort)}`,
          authenticator: nkeyAuthenticator(seed),
          inboxPrefix: `_INBOX.${name}`,
          maxReconnectAttempts: -1,
        });
        connections.push(connection);
        return connection;
      },
      dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  });
}
