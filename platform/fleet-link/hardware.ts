import { readdir, readFile, readlink } from 'node:fs/promises';
import { availableParallelism, hostname, release, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import type { Hardware, HardwareNic } from '../contracts/index.ts';

/** With their reasons, well below what a fleet reads of a Hello. */
const MAX_NICS = 100;

export interface HardwareParts {
  /** Whether a device may become a monitor interface. */
  checkDevice: (device: string) => Promise<{ ok: true } | { ok: false; reason: string }>;
  /** Default `/sys`. */
  sysDir?: string;
  /** Devices of our own making, which nobody maps anything to. */
  isOurs: (device: string) => boolean;
}

/** What a person needs to tell this machine from others, and to map monitor interfaces to it. What cannot be read is left out. */
export async function machineFacts({
  checkDevice,
  sysDir = '/sys',
  isOurs,
}: HardwareParts): Promise<Hardware> {
  const devices = await readdir(join(sysDir, 'class/net')).catch(() => []);
  const shown = devices.filter((name) => name !== 'lo' && name.length <= 15 && !isOurs(name)).sort();
  const nics: HardwareNic[] = [];
  // One after another: each look runs programs, and a machine may have hundreds.
  for (const device of shown.slice(0, MAX_NICS)) {
    nics.push(await nic(join(sysDir, 'class/net', device), device, checkDevice));
  }
  const dmi = (name: string) => line(join(sysDir, 'class/dmi/id', name), 200);
  const [product, serial] = await Promise.all([dmi('product_name'), dmi('product_serial')]);
  return {
    hostname: hostname().slice(0, 253),
    ...(product === undefined ? {} : { product }),
    ...(serial === undefined ? {} : { serial }),
    cpus: availableParallelism(),
    memoryMib: Math.floor(totalmem() / (1 << 20)),
    kernel: release().slice(0, 200),
    nics,
  };
}

async function nic(
  dir: string,
  device: string,
  checkDevice: HardwareParts['checkDevice'],
): Promise<HardwareNic> {
  const [mac, speed, carrier, driver, verdict] = await Promise.all([
    line(join(dir, 'address'), 17),
    line(join(dir, 'speed'), 16),
    line(join(dir, 'carrier'), 4),
    readlink(join(dir, 'device/driver')).then(
      (target) => basename(target).slice(0, 64),
      () => undefined,
    ),
    checkDevice(device).catch(() => ({ ok: false as const, reason: 'it could not be looked at' })),
  ]);
  const speedMbps = Number(speed);
  return {
    device,
    ...(mac === undefined ? {} : { mac }),
    ...(driver === undefined ? {} : { driver }),
    ...(Number.isInteger(speedMbps) && speedMbps > 0 ? { speedMbps } : {}),
    ...(carrier === undefined ? {} : { link: carrier === '1' }),
    monitorCapable: verdict.ok,
    ...(verdict.ok ? {} : { why: verdict.reason.slice(0, 300) }),
  };
}

async function line(path: string, characters: number): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trim().slice(0, characters) || undefined;
}
