import type { Bus } from '../bus/index.ts';
import type { Network } from '../network/index.ts';
import type { Runtime } from '../runtime/index.ts';
import type { Storage } from '../storage/index.ts';

export type { ContainerSpec, ContainerState, LinkSpec } from '../runtime/index.ts';
export type { GuardState, Loss, MonitorLedger, NetworkState } from '../network/index.ts';

/** The rooms as sensord uses them; each function asks only for the part that it needs. */
export type RuntimeRoom = Runtime;
export type StorageRoom = Storage;
export type BusRoom = Bus;
export type NetworkRoom = Network;
