import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { linkName, tableName, writeFileAtomic, type Site } from '../../kernel/index.ts';

/** A table as the kernel printed it when it was loaded: what must stand as long as the link is up. */
const ProvenTableSchema = z.object({
  table: z.string(),
  device: z.string(),
  ifindex: z.int(),
  chains: z.record(
    z.string(),
    z.object({ hook: z.string(), policy: z.string(), rules: z.array(z.string()) }),
  ),
});
export type ProvenTable = z.output<typeof ProvenTableSchema>;

/** What is known of one active interface of an instrument; kept while it stands, so that another process goes on with it. */
const PortRecordSchema = z.object({
  instrument: z.string(),
  port: z.string(),
  kind: z.enum(['dedicated', 'bridged']),
  /** Network interface or bridge of the machine. */
  device: z.string(),
  vlan: z.int().optional(),
  /** What the instrument's frames leave by: `device`, or our VLAN of it. */
  via: z.string(),
  hostEnd: z.string(),
  containerEnd: z.string(),
  mac: z.string(),
  /** Address with prefix length, or `dhcp`. */
  address: z.string(),
  tables: z.array(ProvenTableSchema),
});
export type PortRecord = z.output<typeof PortRecordSchema>;

/** Which active interface: an instrument's name and the interface name of its manifest. */
export interface ActivePortName {
  instrument: string;
  port: string;
}

/** One active interface as it should be. */
export interface ActivePortWanted extends ActivePortName {
  kind: 'dedicated' | 'bridged';
  device: string;
  vlan?: number | undefined;
  /** Address with prefix length, or `dhcp`. */
  address: string;
}

/** Names in the kernel of one active interface. */
export function portNames(at: Site, { instrument, port }: ActivePortName) {
  const key = `${instrument}/${port}`;
  const hostEnd = linkName(at, 'a', key);
  return {
    hostEnd,
    containerEnd: linkName(at, 'A', key),
    table: tableName(at, hostEnd.slice(at.prefix.length)),
  };
}

/** Table of rules on a device of the machine; `use` keeps a network interface, a bridge and a trunk of VLANs apart. */
export function deviceTable(at: Site, use: 'nic' | 'bridge' | 'trunk', device: string): string {
  return tableName(at, `${use}_${linkName(at, 'v', device).slice(-8)}`);
}

export async function writeRecord(at: Site, record: PortRecord): Promise<void> {
  await mkdir(recordsDir(at), { recursive: true, mode: 0o700 });
  await writeFileAtomic(join(recordsDir(at), `${record.hostEnd}.json`), JSON.stringify(record));
}

export async function readRecord(at: Site, hostEnd: string): Promise<PortRecord | undefined> {
  const text = await readFile(join(recordsDir(at), `${hostEnd}.json`), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : PortRecordSchema.parse(JSON.parse(text));
}

export async function removeRecord(at: Site, hostEnd: string): Promise<void> {
  await rm(join(recordsDir(at), `${hostEnd}.json`), { force: true });
}

/** All active interfaces that stand, or should. */
export async function listRecords(at: Site): Promise<PortRecord[]> {
  const names = await readdir(recordsDir(at)).catch(() => []);
  const records = await Promise.all(
    names
      .filter((name) => name.endsWith('.json'))
      .map((name) => readRecord(at, name.slice(0, -'.json'.length))),
  );
  return records.filter((record) => record !== undefined);
}

/** Folder of the records; goes with everything else of a site. */
export function recordsDir(at: Site): string {
  return join(at.runDir, 'active-interfaces');
}
