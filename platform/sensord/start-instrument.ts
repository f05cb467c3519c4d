import { mkdir, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sitePaths, withReverter, type Logger, type Site } from '../kernel/index.ts';
import type { DesiredInstrument, DesiredPort } from './desired.ts';
import { PROGRAM_UID, removeInstrumentFiles, writeInstrumentFiles } from './instrument-files.ts';
import type { BusRoom, ContainerSpec, LinkSpec, NetworkRoom, RuntimeRoom, StorageRoom } from './rooms.ts';

/** What starting and stopping an instrument touches. */
export interface InstrumentParts {
  site: Site;
  log: Logger;
  runtime: Pick<RuntimeRoom, 'ensureImage' | 'list' | 'create' | 'start' | 'stop' | 'remove'>;
  storage: Pick<StorageRoom, 'ensure' | 'unlock' | 'lock' | 'placeResources'>;
  network: Pick<
    NetworkRoom,
    'captureLinks' | 'mirrorPort' | 'removeMirrorPort' | 'activePort' | 'removeActivePorts'
  >;
  bus: Pick<BusRoom, 'identity'>;
}

/** Label that ties a container to the desired instrument it was made from. */
export const DIGEST_LABEL = 'digest';
/** Label with the wired ports, so that an instrument can be taken down after it left the configuration. */
export const PORTS_LABEL = 'ports';

/** How long an instrument may take to end by itself before it is killed. */
const STOP_GRACE_MS = 15_000;

/**
 * Makes an instrument run: image, links, container, volume, files, start. What was acquired is given back when a later
 * part fails. An existing stopped container of the same digest is used again.
 */
export async function startInstrument(
  parts: InstrumentParts,
  sensor: string,
  instrument: DesiredInstrument,
): Promise<void> {
  const { site, runtime, storage, log } = parts;
  const paths = sitePaths(site);
  const { name } = instrument;
  const report = (error: unknown, what: string) => {
    log.warn({ err: error, instrument: name, what }, 'could not undo after a failed start');
  };
  await withReverter(report, async (undo) => {
    const image = await runtime.ensureImage(instrument.image.file);
    const links = await linksOf(parts, instrument, (what, action) => {
      undo.add(what, action);
    });
    await storage.ensure(name, { sizeMib: instrument.volumeMib });
    const spec = containerSpec(site, instrument, image, links);
    await mkdir(paths.instrumentRunDir(name), { recursive: true, mode: 0o755 });
    await mkdir(paths.resourcesDir(name), { recursive: true, mode: 0o755 });
    const existing = (await runtime.list()).find((container) => container.name === name);
    let idmapBase: number;
    if (existing?.labels[DIGEST_LABEL] === instrument.digest && existing.drift.length === 0) {
      idmapBase = existing.idmapBase;
    } else {
      if (existing !== undefined) await runtime.remove(name);
      ({ idmapBase } = await withPlaceholder(volumeDataDir(site, name), () => runtime.create(spec)));
      undo.add('container', () => runtime.remove(name));
    }
    // LXD allots the id range at creation; only now can the volume be handed to the program's user.
    undo.add('volume', () => storage.lock(name));
    const ownerId = idmapBase + PROGRAM_UID;
    await storage.unlock(name, { ownerId, containerRootId: idmapBase });
    await storage.placeResources(name, instrument.resources, { ownerGroupId: ownerId });
    const identity = parts.bus.identity(name);
    undo.add('files', () => removeInstrumentFiles(site, name));
    await writeInstrumentFiles(site, sensor, instrument, identity, idmapBase);
    await runtime.start(name);
  });
}

/** Ends an instrument and takes its links, key file and volume key out of reach. The volume itself stays. */
export async function stopInstrument(
  parts: InstrumentParts,
  name: string,
  ports: readonly DesiredPort[],
): Promise<void> {
  await parts.runtime.stop(name, { graceMs: STOP_GRACE_MS });
  for (const port of ports) {
    if (port.kind === 'mirror') await parts.network.removeMirrorPort({ instrument: name, port: port.name });
  }
  await parts.network.removeActivePorts(name);
  await removeInstrumentFiles(parts.site, name);
  await parts.storage.lock(name);
}

type AddUndo = (what: string, undo: () => Promise<void>) => void;

async function linksOf(
  parts: InstrumentParts,
  instrument: DesiredInstrument,
  addUndo: AddUndo,
): Promise<LinkSpec[]> {
  const links: LinkSpec[] = [];
  for (const port of instrument.ports) {
    if (port.kind === 'mirror') {
      const { containerEnd } = await parts.network.mirrorPort({
        instrument: instrument.name,
        port: port.name,
        monitor: port.monitor,
        filter: port.filter,
      });
      addUndo(`mirror port ${port.name}`, () =>
        parts.network.removeMirrorPort({ instrument: instrument.name, port: port.name }),
      );
      links.push({ name: port.name, parent: containerEnd });
    } else {
      // The capture pairs belong to the monitor interface and outlive a failed start of the engine.
      const pair = await parts.network.captureLinks(port.monitor);
      const parent = port.kind === 'capture-in' ? pair.inContainer : pair.outContainer;
      links.push({ name: port.name, parent });
    }
  }
  for (const { name: port, kind, device, vlan, address } of instrument.active) {
    const wanted = { instrument: instrument.name, port, kind, device, vlan, address };
    const { containerEnd } = await parts.network.activePort(wanted);
    addUndo(`active interface ${port}`, () => parts.network.removeActivePorts(instrument.name, port));
    links.push({ name: port, parent: containerEnd });
  }
  return links;
}

function containerSpec(
  site: Site,
  instrument: DesiredInstrument,
  image: string,
  links: ContainerSpec['links'],
): ContainerSpec {
  const paths = sitePaths(site);
  const resources = paths.resourcesDir(instrument.name);
  return {
    name: instrument.name,
    image,
    limits: instrument.limits,
    disks: [
      { name: 'run', source: paths.instrumentRunDir(instrument.name), path: '/run/bulkhead', readonly: true },
      { name: 'app', source: instrument.appDir, path: '/opt/instrument', readonly: true },
      {
        name: 'data',
        source: volumeDataDir(site, instrument.name),
        path: '/var/lib/instrument',
        readonly: false,
      },
      { name: 'resources', source: resources, path: '/var/lib/instrument/resources', readonly: true },
    ],
    links,
    busPort: site.natsPort,
    labels: {
      [DIGEST_LABEL]: instrument.digest,
      package: instrument.packageName,
      version: instrument.manifest.version,
      [PORTS_LABEL]: JSON.stringify(instrument.ports),
    },
    allowedSources: [
      paths.instrumentRunDir(''),
      dirname(instrument.appDir),
      paths.mountsDir,
      dirname(resources),
    ],
  };
}

/** Where an unlocked volume's data lies; the storage room mounts it there. */
function volumeDataDir(site: Site, name: string): string {
  return join(sitePaths(site).mountsDir, name, 'instrument');
}

/**
 * LXD wants every disk's folder to exist when a container is made, but the volume can be mounted only afterwards (the
 * container's id range is not known before). An empty folder stands in, and goes before the volume is mounted over it.
 */
async function withPlaceholder<T>(dir: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  try {
    return await work();
  } finally {
    await rmdir(dir).catch(() => undefined); // not empty: the volume is mounted already
  }
}
