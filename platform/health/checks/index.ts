import type { HealthCheck } from '../types.ts';
import { apparmor } from './apparmor.ts';
import { bridgeNetfilter } from './bridge-netfilter.ts';
import { btf } from './btf.ts';
import { cgroupControllers } from './cgroup-controllers.ts';
import { cipher } from './cipher.ts';
import { clock } from './clock.ts';
import { diskSpace } from './disk-space.ts';
import { fileEncryption } from './file-encryption.ts';
import { idRanges } from './id-ranges.ts';
import { loopDevices } from './loop-devices.ts';
import { lxd } from './lxd.ts';
import { memory } from './memory.ts';
import { natsServer } from './nats-server.ts';
import { nodeVersion } from './node-version.ts';
import { offloads } from './offloads.ts';
import { otherRooms } from './other-rooms.ts';
import { packetPath } from './packet-path.ts';
import { programs } from './programs.ts';
import { root } from './root.ts';
import { seccomp } from './seccomp.ts';
import { userNamespaces } from './user-namespaces.ts';

/** All checks, in the order in which people read them: who and what first, then kernel, machine, interfaces. */
export const CHECKS: readonly HealthCheck[] = Object.freeze([
  root,
  nodeVersion,
  programs,
  lxd,
  natsServer,
  userNamespaces,
  cgroupControllers,
  seccomp,
  apparmor,
  idRanges,
  packetPath,
  btf,
  offloads,
  bridgeNetfilter,
  loopDevices,
  fileEncryption,
  cipher,
  diskSpace,
  memory,
  clock,
  otherRooms,
]);
