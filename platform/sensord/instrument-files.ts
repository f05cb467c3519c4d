import { chmod, chown, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sitePaths, writeFileAtomic, type Site } from '../kernel/index.ts';
import type { DesiredInstrument } from './desired.ts';
import { servicesOf } from './services.ts';

/** User and group id of an instrument's program inside its container (the images create it). */
export const PROGRAM_UID = 1000;

/**
 * Writes what an instrument sees read-only at `/run/bulkhead`: who it is, its options, its bus key and what PID 1 runs.
 * The key is readable by the program's user alone. @returns the host folder.
 */
export async function writeInstrumentFiles(
  site: Site,
  sensor: string,
  instrument: DesiredInstrument,
  identity: { seed: string },
  idmapBase: number,
): Promise<string> {
  const dir = sitePaths(site).instrumentRunDir(instrument.name);
  await mkdir(dir, { recursive: true, mode: 0o755 });
  await chmod(dir, 0o755);
  await writeFileAtomic(join(dir, 'init.conf'), initConf(instrument), 0o444);
  await writeIdentity(site, sensor, instrument);
  const keyFile = join(dir, 'bus.nk');
  await writeFileAtomic(keyFile, `${identity.seed}\n`, 0o400);
  // Host root keeps write access by capability; inside, only the program's own user can read its key.
  await chown(keyFile, idmapBase + PROGRAM_UID, idmapBase + PROGRAM_UID);
  return dir;
}

/**
 * Writes who the instrument is and what it may do; also while it runs. The folder is mounted, not the file, so that the new file
 * is seen inside at once, whole.
 */
export async function writeIdentity(
  site: Site,
  sensor: string,
  instrument: DesiredInstrument,
): Promise<void> {
  const file = join(sitePaths(site).instrumentRunDir(instrument.name), 'instrument.json');
  await writeFileAtomic(file, `${JSON.stringify(identityOf(sensor, instrument))}\n`, 0o444);
}

/** Forgets an instrument's files, key included. */
export async function removeInstrumentFiles(site: Site, name: string): Promise<void> {
  await rm(sitePaths(site).instrumentRunDir(name), { recursive: true, force: true });
}

function initConf(instrument: DesiredInstrument): string {
  const lines = [
    `uid=${String(PROGRAM_UID)}`,
    `gid=${String(PROGRAM_UID)}`,
    `caps=${instrument.rights.capabilities.join(',')}`,
    `nofile=${String(instrument.limits.openFiles)}`,
    ...instrument.active.map(
      ({ name, address, gateway }) =>
        `net=${name} ${address}${address === 'dhcp' ? '' : ` ${gateway ?? '-'}`}`,
    ),
    ...instrument.manifest.command.map((argument) => `arg=${argument}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** Rights as an instrument is told them, in its file and on the bus; the part of the file that changes while it runs. */
export function toldRights(instrument: Pick<DesiredInstrument, 'name' | 'rights' | 'active' | 'manifest'>) {
  const { name, rights } = instrument;
  return {
    publish: rights.publish,
    read: rights.read.map(({ from, type }) => ({
      from,
      type,
      stream: `S_${from.replaceAll('-', '_')}`,
      consumer: `${name}__${type.replaceAll('.', '_')}`,
    })),
    send: rights.send,
    accept: rights.accept,
    services: servicesOf(instrument),
  };
}
export type ToldRights = ReturnType<typeof toldRights>;

function identityOf(sensor: string, instrument: DesiredInstrument) {
  return {
    protocol: 1,
    name: instrument.name,
    package: instrument.packageName,
    version: instrument.manifest.version,
    sensor,
    bus: { url: 'nats://127.0.0.1:4222', keyFile: '/run/bulkhead/bus.nk' },
    options: instrument.options,
    interfaces: instrument.ports.map(({ name, kind, monitor }) => ({ name, kind, monitor })),
    ...toldRights(instrument),
  };
}
