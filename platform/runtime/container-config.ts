import { posix } from 'node:path';
import type { InstancePut } from '@bulkhead/node-lxd';
import { BulkheadError, type Site } from '../kernel/index.ts';
import { SYSCALL_DENY_LIST } from './syscalls.ts';
import type { ContainerSpec } from './types.ts';

/** Prefix of our labels in LXD's configuration. */
export const LABEL_PREFIX = 'user.bulkhead.';

/** Names of the devices that every container has. */
export const ROOT_DEVICE = 'root';
export const BUS_DEVICE = 'bus';

/** Port inside the container on which the bus answers. */
export const BUS_PORT_INSIDE = 4222;

/** The root disk is read-only and only bounds the unpacked image. */
const ROOT_SIZE_MIB = 4096;

/** What makes a container contained; the same for every instrument, whatever it asks for. */
export const CONTAINMENT_CONFIG: Readonly<Record<string, string>> = Object.freeze({
  // A range of host ids that no other container has: breaking out of one gives no right over another's files.
  'security.idmap.isolated': 'true',
  'security.privileged': 'false',
  'security.nesting': 'false',
  // No socket of the LXD daemon inside.
  'security.devlxd': 'false',
  // 32-bit and x32 entry points of the kernel are little used and less tested.
  'security.syscalls.deny_compat': 'true',
  'security.syscalls.deny_default': 'true',
  'security.syscalls.deny': SYSCALL_DENY_LIST,
  // Only sensord starts instruments, after their links and volumes are in place.
  'boot.autostart': 'false',
  // A core file would hold an instrument's secrets.
  'limits.kernel.core': '0',
  'limits.memory.enforce': 'hard',
  'limits.memory.swap': 'false',
});

/**
 * The LXD instance for a spec: configuration, devices, no profile. Pure.
 * @throws BulkheadError RUNTIME_SPEC_INVALID, RUNTIME_LINK_REFUSED
 */
export function instanceOf(
  spec: ContainerSpec,
  site: Site,
): Required<Pick<InstancePut, 'config' | 'devices' | 'profiles'>> {
  const devices: Record<string, Record<string, string>> = {
    [ROOT_DEVICE]: {
      type: 'disk',
      path: '/',
      pool: site.lxdPool,
      readonly: 'true',
      size: `${String(ROOT_SIZE_MIB)}MiB`,
    },
    [BUS_DEVICE]: {
      type: 'proxy',
      // The listener is made inside the container; it needs no network there but loopback.
      bind: 'container',
      listen: `tcp:127.0.0.1:${String(BUS_PORT_INSIDE)}`,
      connect: `tcp:127.0.0.1:${String(port(spec))}`,
    },
  };
  for (const disk of spec.disks) {
    add(spec, devices, disk.name, {
      type: 'disk',
      source: cleanPath(spec, disk.source),
      path: cleanPath(spec, disk.path),
      ...(disk.readonly ? { readonly: 'true' } : {}),
    });
  }
  for (const link of spec.links) {
    refuseForeignLink(spec, link.parent, site);
    if (!/^[a-z][a-z0-9]{0,14}$/.test(link.name) || link.name === 'lo') {
      throw invalid(spec, `the link name ${JSON.stringify(link.name)} is not usable`);
    }
    add(spec, devices, link.name, {
      type: 'nic',
      nictype: 'physical',
      parent: link.parent,
      name: link.name,
    });
  }
  return { config: configOf(spec), devices, profiles: [] };
}

function configOf(spec: ContainerSpec): Record<string, string> {
  const { memoryMib, cpuCores, processes, openFiles } = spec.limits;
  for (const [what, value] of Object.entries({ memoryMib, processes, openFiles })) {
    if (!Number.isInteger(value) || value < 1)
      throw invalid(spec, `limit ${what} is not a positive whole number`);
  }
  if (!(cpuCores > 0)) throw invalid(spec, 'limit cpuCores is not positive');
  const labels: Record<string, string> = {};
  for (const [key, value] of Object.entries(spec.labels)) {
    if (!/^[a-z][a-z0-9-]{0,40}$/.test(key))
      throw invalid(spec, `the label ${JSON.stringify(key)} is not usable`);
    labels[LABEL_PREFIX + key] = value;
  }
  return {
    ...CONTAINMENT_CONFIG,
    'limits.memory': `${String(memoryMib)}MiB`,
    // Quota in each period of 100 ms: a hard ceiling, unlike a percentage, which is only a weight under contention.
    'limits.cpu.allowance': `${String(Math.max(1, Math.round(cpuCores * 100)))}ms/100ms`,
    'limits.processes': String(processes),
    'limits.kernel.nofile': String(openFiles),
    ...labels,
  };
}

/**
 * A `physical` link is taken out of the host: only ends of pairs that this site made may be, never a NIC of the machine
 * (LXD's restricted project cannot tell them apart).
 */
function refuseForeignLink(spec: ContainerSpec, parent: string, site: Site): void {
  if (new RegExp(`^${site.prefix}[AIOc]-[0-9a-f]{8}$`).test(parent)) return;
  throw new BulkheadError({
    code: 'RUNTIME_LINK_REFUSED',
    message: `Container ${spec.name} may not take the link ${JSON.stringify(parent)}: this sensor did not make it.`,
    hint: 'Only container ends of veth pairs that the sensor made are moved into containers; network cards stay on the host.',
    fields: { instrument: spec.name, link: parent },
  });
}

function add(
  spec: ContainerSpec,
  devices: Record<string, Record<string, string>>,
  name: string,
  device: Record<string, string>,
): void {
  if (!/^[a-z][a-z0-9-]{0,40}$/.test(name))
    throw invalid(spec, `the device name ${JSON.stringify(name)} is not usable`);
  if (devices[name] !== undefined) throw invalid(spec, `two devices are called ${name}`);
  devices[name] = device;
}

/** Absolute and in its shortest form, so that textual comparisons of prefixes mean what they say. */
function cleanPath(spec: ContainerSpec, path: string): string {
  if (!posix.isAbsolute(path) || posix.normalize(path) !== path || (path !== '/' && path.endsWith('/'))) {
    throw invalid(spec, `${JSON.stringify(path)} is not an absolute path without . and ..`);
  }
  if (path === '/') throw invalid(spec, 'the whole file system cannot be a disk');
  return path;
}

function port(spec: ContainerSpec): number {
  if (!Number.isInteger(spec.busPort) || spec.busPort < 1 || spec.busPort > 65_535) {
    throw invalid(spec, `${String(spec.busPort)} is not a port`);
  }
  return spec.busPort;
}

function invalid(spec: ContainerSpec, reason: string): BulkheadError {
  return new BulkheadError({
    code: 'RUNTIME_SPEC_INVALID',
    message: `The container ${spec.name} cannot be made: ${reason}.`,
    fields: { instrument: spec.name },
  });
}
