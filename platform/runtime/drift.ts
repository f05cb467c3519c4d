import type { ConfigMap, DeviceMap, Instance } from '@bulkhead/node-lxd';
import { PAGE_DEVICE } from './page-proxy.ts';
import type { ContainerRecord } from './records.ts';

/** Keys that LXD itself writes: state of its own, and what the image says about itself. */
const NOT_OURS = /^(?:volatile|image)\./;

/**
 * Compares what we created with what LXD now says, effective values included. Pure.
 * @returns reasons in words; empty = as created.
 */
export function driftOf(record: ContainerRecord | undefined, actual: Instance): string[] {
  if (record === undefined) return ['there is no record that this sensor created it'];
  const reasons: string[] = [];
  if (actual.profiles.length > 0) reasons.push(`profiles ${actual.profiles.join(', ')} were added`);
  if (actual.ephemeral) reasons.push('it was made ephemeral');
  const image = actual.config['volatile.base_image'];
  if (image !== record.image) {
    reasons.push(`its image is ${short(image)} instead of ${short(record.image)}`);
  }
  const base = Number(actual.config['volatile.idmap.base'] ?? 0);
  if (base !== record.idmapBase) {
    reasons.push(`its id range starts at ${String(base)} instead of ${String(record.idmapBase)}`);
  }
  reasons.push(...compare('config', record.config, ours(actual.expanded_config)));
  reasons.push(...compareDevices(devicesOf(record, actual.expanded_devices), actual.expanded_devices));
  return reasons;
}

/** The web page comes and goes while a container runs: its device may be missing, but not be another. */
function devicesOf({ devices, page }: ContainerRecord, actual: DeviceMap): DeviceMap {
  return page === undefined || actual[PAGE_DEVICE] === undefined
    ? devices
    : { ...devices, [PAGE_DEVICE]: page };
}

function ours(config: ConfigMap): ConfigMap {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !NOT_OURS.test(key)));
}

function compareDevices(wanted: DeviceMap, actual: DeviceMap): string[] {
  const reasons: string[] = [];
  for (const name of keysOf(wanted, actual)) {
    const before = wanted[name];
    const now = actual[name];
    if (before === undefined) reasons.push(`the device ${name} (${now?.['type'] ?? 'unknown'}) was added`);
    else if (now === undefined) reasons.push(`the device ${name} was removed`);
    else reasons.push(...compare(`device ${name}`, before, now));
  }
  return reasons;
}

function compare(where: string, wanted: ConfigMap, actual: ConfigMap): string[] {
  return keysOf(wanted, actual)
    .filter((key) => wanted[key] !== actual[key])
    .map((key) => `${where}: ${key} is ${show(actual[key])} instead of ${show(wanted[key])}`);
}

function keysOf(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
}

function show(value: string | undefined): string {
  if (value === undefined) return 'unset';
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
}

function short(fingerprint: string | undefined): string {
  return fingerprint === undefined ? 'unknown' : fingerprint.slice(0, 12);
}
