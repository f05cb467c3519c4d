import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../kernel/index.ts';
import { MirrorFilterSchema } from '../contracts/index.ts';
import { bpftoolBatch, bytes32, loadXdp, pinnedProgramId, readPerCpuCounters } from './bpf.ts';
import { INTERNAL_MTU } from './pairs.ts';
import type { FanoutPlan, FanoutPort } from './fan-out-plan.ts';

/** What one generation was filled with; stands beside its pins, so that a restarted sensor can read its counters. */
const RecordSchema = z.object({
  generation: z.int(),
  filters: z.array(z.array(z.int())),
  ports: z.array(z.object({ hostEnd: z.string(), ifindex: z.int(), filter: z.int().optional() })),
  /** Set of filters -> host ends, in devmap order. */
  targets: z.array(z.tuple([z.int(), z.array(z.string())])),
  /** Kernel id of its program; absent until it is loaded. */
  programId: z.int().optional(),
  /** All ports that were asked for, also those whose link was missing then; see Fanout.refresh. */
  wanted: z.array(z.object({ hostEnd: z.string(), filter: MirrorFilterSchema })).default([]),
  /** Host ends taken out after it was attached. */
  dropped: z.array(z.string()).default([]),
});
export type GenerationRecord = z.output<typeof RecordSchema>;

/** Ethernet header and one tag that the kernel allows on top of the MTU. */
const MAX_FRAME = INTERNAL_MTU + 14 + 4;
const SLOTS = 272;

/** Folders of the generations of one monitor's fan-out: pins in a BPF file system, records in a plain one. */
export interface GenerationPlaces {
  pins: string;
  records: string;
}

export function recordOf(
  generation: number,
  plan: FanoutPlan,
  ifindexOf: (hostEnd: string) => number,
  wanted: readonly FanoutPort[] = [],
): GenerationRecord {
  return {
    generation,
    wanted: [...wanted],
    filters: plan.filters,
    ports: plan.ports.map((port) => ({
      hostEnd: port.hostEnd,
      ifindex: ifindexOf(port.hostEnd),
      ...(port.filter === undefined ? {} : { filter: port.filter }),
    })),
    targets: [...plan.targets],
    dropped: [],
  };
}

/** True when both send the same packets to the same links. */
export function sameFanout(a: GenerationRecord, b: GenerationRecord): boolean {
  const essence = ({ filters, ports, targets, dropped }: GenerationRecord): string =>
    JSON.stringify([filters, ports, targets, dropped]);
  return essence(a) === essence(b);
}

/**
 * Makes and fills the maps of a generation, loads the program, and returns the pin to attach.
 * @param namespace network namespace in which the links' indexes are meant; ours when absent.
 */
export async function buildGeneration(
  places: GenerationPlaces,
  object: string,
  record: GenerationRecord,
  blocks: FanoutPlan['blocks'],
  namespace?: string,
): Promise<string> {
  const dir = join(places.pins, String(record.generation));
  await removeGeneration(places, record.generation);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await writeRecord(places, record);
  const maps = Object.fromEntries(
    ['config', 'blocks', 'targets', 'counts'].map((name) => [name, join(dir, name)] as const),
  );
  const ifindexes = new Map(record.ports.map((port) => [port.hostEnd, port.ifindex]));
  const devmap = (set: number): string => join(dir, `to_${String(set)}`);
  const commands = [
    `map create ${join(dir, 'config')} type array key 4 value 8 entries 1 name config`,
    `map create ${join(dir, 'blocks')} type array key 4 value 256 entries 256 name blocks`,
    `map create ${join(dir, 'counts')} type percpu_array key 4 value 8 entries ${String(SLOTS)} name counts`,
    `map update pinned ${join(dir, 'config')} key 0 0 0 0 value ${bytes32(MAX_FRAME)} ${bytes32(record.filters.length)}`,
  ];
  for (const [high, block] of blocks) {
    commands.push(
      `map update pinned ${join(dir, 'blocks')} key ${bytes32(high)} value ${[...block].join(' ')}`,
    );
  }
  for (const [set, hostEnds] of record.targets) {
    // The kernel walks every entry for every packet, so a devmap is as long as it must be.
    commands.push(
      `map create ${devmap(set)} type devmap key 4 value 4 entries ${String(Math.max(1, hostEnds.length))} name to`,
    );
    hostEnds.forEach((hostEnd, at) => {
      commands.push(
        `map update pinned ${devmap(set)} key ${bytes32(at)} value ${bytes32(ifindexes.get(hostEnd) ?? 0)}`,
      );
    });
  }
  const first = record.targets[0]?.[0] ?? 255;
  commands.push(
    `map create ${join(dir, 'targets')} type array_of_maps key 4 value 4 entries 256 name targets inner_map pinned ${devmap(first)}`,
    ...record.targets.map(
      ([set]) => `map update pinned ${join(dir, 'targets')} key ${bytes32(set)} value pinned ${devmap(set)}`,
    ),
  );
  await bpftoolBatch(commands, namespace);
  await loadXdp(object, join(dir, 'program'), maps);
  const programId = await pinnedProgramId(join(dir, 'program'));
  if (programId === undefined) throw new Error('the packet program was not pinned');
  await writeRecord(places, { ...record, programId });
  return join(dir, 'program');
}

/** Generations that have pins or a record, oldest first. */
export async function listGenerations(places: GenerationPlaces): Promise<number[]> {
  const pins = await readdir(places.pins).catch(() => []);
  const records = await readdir(places.records).catch(() => []);
  const numbers = [...pins, ...records.map((name) => /^generation-(\d+)\.json$/.exec(name)?.[1] ?? '')]
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return [...new Set(numbers)].sort((a, b) => a - b);
}

export async function readRecord(
  places: GenerationPlaces,
  generation: number,
): Promise<GenerationRecord | undefined> {
  const text = await readFile(recordFile(places, generation), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : RecordSchema.parse(JSON.parse(text));
}

/** Counters of a generation by slot of `fanout.bpf.c`. */
export async function readSlots(places: GenerationPlaces, generation: number): Promise<number[] | undefined> {
  return readPerCpuCounters(join(places.pins, String(generation), 'counts'));
}

/** Replaces the record of a generation: what was asked for, or what was taken out, has changed. */
export async function writeRecord(places: GenerationPlaces, record: GenerationRecord): Promise<void> {
  await mkdir(places.records, { recursive: true, mode: 0o700 });
  await writeFileAtomic(recordFile(places, record.generation), JSON.stringify(record));
}

/** Commands that take one port out of a live generation without touching the rest. */
export function removalCommands(
  places: GenerationPlaces,
  record: GenerationRecord,
  hostEnd: string,
): string[] {
  return record.targets.flatMap(([set, hostEnds]) => {
    const at = hostEnds.indexOf(hostEnd);
    const devmap = join(places.pins, String(record.generation), `to_${String(set)}`);
    return at < 0 ? [] : [`map delete pinned ${devmap} key ${bytes32(at)}`];
  });
}

/** Unpins a generation; the kernel keeps what is still attached. */
export async function removeGeneration(places: GenerationPlaces, generation: number): Promise<void> {
  await rm(join(places.pins, String(generation)), { recursive: true, force: true });
  await rm(recordFile(places, generation), { force: true });
}

function recordFile(places: GenerationPlaces, generation: number): string {
  return join(places.records, `generation-${String(generation)}.json`);
}
