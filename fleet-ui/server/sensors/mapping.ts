import type { Mapping, MappingRequest } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { isObject, type Json, type JsonObject } from './layers.ts';
import type { SensorRecord } from './registry.ts';

type Kind = 'monitor' | 'active';
const LISTS: readonly (readonly [Kind, 'monitorInterfaces' | 'activeInterfaces'])[] = [
  ['monitor', 'monitorInterfaces'],
  ['active', 'activeInterfaces'],
];

/** The interfaces of a configuration that stand on hardware. */
export function interfacesOf(
  document: JsonObject | undefined,
): { kind: Kind; name: string; device: string }[] {
  return LISTS.flatMap(([kind, list]) => {
    const items: Json = document?.[list] ?? [];
    if (!Array.isArray(items)) return [];
    return items.flatMap((item) => {
      const [name, device] = isObject(item) ? [item['name'], item['device']] : [];
      return typeof name === 'string' && typeof device === 'string' ? [{ kind, name, device }] : [];
    });
  });
}

/** What a person looks at who maps them. */
export function mappingOf(sensor: SensorRecord, document: JsonObject | undefined): Mapping {
  const devices = new Set(sensor.hardware.nics.map(({ device }) => device));
  return {
    needed: sensor.state === 'mapping',
    interfaces: interfacesOf(document).map((one) => ({ ...one, sameName: devices.has(one.device) })),
    nics: sensor.hardware.nics.map(plain),
    formerNics: (sensor.formerHardware?.nics ?? []).map(plain),
  };
}

/**
 * The overrides that put every interface of the configuration onto the new hardware.
 * @throws BulkheadError FLEET_SENSORS_MAPPING_INVALID
 */
export function overridesOf(
  sensor: SensorRecord,
  document: JsonObject | undefined,
  request: MappingRequest,
): JsonObject {
  const wanted = interfacesOf(document);
  const nics = new Map(sensor.hardware.nics.map((nic) => [nic.device, nic]));
  const taken = new Map<string, string>();
  const overrides: JsonObject = {};
  for (const [kind, list] of LISTS) {
    const given = request[list];
    const names = wanted.filter((one) => one.kind === kind).map(({ name }) => name);
    const stranger = Object.keys(given).find((name) => !names.includes(name));
    if (stranger !== undefined) throw invalid(`There is no ${kind} interface "${stranger}".`, list, stranger);
    const devices: JsonObject = {};
    for (const name of names) {
      const device = given[name];
      const nic = nics.get(device ?? '');
      if (device === undefined) throw invalid(`The ${kind} interface "${name}" is not mapped.`, list, name);
      // A bridge of an active interface is made by the operator and is no network interface card.
      if (nic === undefined && kind === 'monitor') {
        throw invalid(`The new hardware has no network interface "${device}".`, list, name);
      }
      if (nic?.monitorCapable === false && kind === 'monitor') {
        throw invalid(`"${device}" cannot be a monitor interface: ${nic.why ?? 'it is in use'}.`, list, name);
      }
      const other = taken.get(device);
      if (other !== undefined && kind === 'monitor') {
        throw invalid(`"${device}" is given to "${other}" already.`, list, name);
      }
      taken.set(device, name);
      devices[name] = { device };
    }
    if (names.length > 0) overrides[list] = devices;
  }
  return overrides;
}

function plain(nic: SensorRecord['hardware']['nics'][number]): Mapping['nics'][number] {
  return {
    device: nic.device,
    monitorCapable: nic.monitorCapable,
    ...(nic.mac === undefined ? {} : { mac: nic.mac }),
    ...(nic.driver === undefined ? {} : { driver: nic.driver }),
    ...(nic.speedMbps === undefined ? {} : { speedMbps: nic.speedMbps }),
    ...(nic.link === undefined ? {} : { link: nic.link }),
    ...(nic.why === undefined ? {} : { why: nic.why }),
  };
}

function invalid(message: string, list: string, name: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_SENSORS_MAPPING_INVALID',
    message,
    fields: { pointer: `/${list}/${name}` },
  });
}
