import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Site } from '../kernel/index.ts';
import { unmountBpffs } from './bpf.ts';
import { deleteLink, linkDown, listLinks } from './links.ts';
import { detach, listMonitors } from './monitor.ts';
import { parseLinkName } from './names.ts';
import { recordsDir } from './active/record.ts';
import { deleteTable, listTables } from './nft.ts';

/**
 * Removes every trace of a site from the kernel, whatever state it is in. Devices are taken down before their guard is
 * removed, also those whose record was lost: they are found by their table.
 */
export async function removeEverything(at: Site): Promise<void> {
  for (const record of await listMonitors(at)) await detach(at, record);
  for (const link of await listLinks()) {
    if (parseLinkName(at, link.ifname) === undefined) continue;
    await linkDown(link.ifname);
    await deleteLink(link.ifname); // takes its peer, qdiscs and packet program along
  }
  for (const table of (await listTables()).values()) {
    if (!table.name.startsWith(`${at.prefix}_`)) continue;
    // A bridge is the machine's own, with others on it; our ports of it are gone already.
    const onBridge = table.name.startsWith(`${at.prefix}_bridge_`);
    for (const chain of table.chains.values()) if (!onBridge) await linkDown(chain.device);
    await deleteTable(table.name);
  }
  await unmountBpffs(join(at.runDir, 'bpf'));
  await rm(join(at.runDir, 'bpf'), { recursive: true, force: true });
  await rm(join(at.runDir, 'network'), { recursive: true, force: true });
  await rm(recordsDir(at), { recursive: true, force: true });
}
