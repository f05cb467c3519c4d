import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BulkheadError, describeError, sitePaths, type Logger, type Site } from '../kernel/index.ts';
import { attachXdpGeneric, bpftoolBatch, detachXdpGeneric, mountBpffs } from './bpf.ts';
import {
  buildGeneration,
  listGenerations,
  readRecord,
  readSlots,
  recordOf,
  removalCommands,
  removeGeneration,
  sameFanout,
  writeRecord,
  type GenerationPlaces,
  type GenerationRecord,
} from './fan-out-generation.ts';
import { planFanout, type FanoutPort } from './fan-out-plan.ts';
import { findLink, isUp, listLinks, type Link } from './links.ts';

/** Longer than any packet stays in the old program after the new one is attached. */
const QUIESCE_MS = 20;

/** What a change of the fan-out did. */
export interface FanoutResult {
  /** False: it stood already and was left alone. */
  changed: boolean;
  /** Wanted ports that get nothing because their link is not there or not up. */
  missing: string[];
}

/**
 * The packet program on the capture engine's output link of each monitor interface.
 *
 * INVARIANTS: callers serialise changes of one monitor (Network does). A generation is filled before it is attached and
 * the swap is one pointer in the kernel, so every packet sees the old configuration or the new one. A port leaves the
 * fan-out before its link goes down: the kernel stops cloning at a target that is down, to the harm of the others.
 */
export class Fanout {
  readonly #site: Site;
  readonly #log: Logger;
  /** Called with the last counters of a generation before it is forgotten. */
  readonly #onRetire: (monitor: string) => Promise<void>;

  constructor(site: Site, log: Logger, onRetire: (monitor: string) => Promise<void>) {
    this.#site = site;
    this.#log = log;
    this.#onRetire = onRetire;
  }

  places(monitor: string): GenerationPlaces {
    return {
      pins: join(this.#site.runDir, 'bpf', monitor),
      records: join(this.#site.runDir, 'network', monitor),
    };
  }

  /** The generation whose program is attached to `out`; undefined when none of ours is. */
  async current(monitor: string, out: string): Promise<GenerationRecord | undefined> {
    const attached = (await findLink(out))?.xdp?.prog?.id;
    if (attached === undefined) return undefined;
    return (await this.#records(monitor)).find((record) => record.programId === attached);
  }

  /** True when a program should be attached to `out` (given as it is now) and is not. */
  async isLost(monitor: string, out: Link | undefined): Promise<boolean> {
    const records = await this.#records(monitor);
    const attached = out?.xdp?.prog?.id;
    return records.length > 0 && !records.some((record) => record.programId === attached);
  }

  async #records(monitor: string): Promise<GenerationRecord[]> {
    const places = this.places(monitor);
    const records = await Promise.all(
      (await listGenerations(places)).map((generation) => readRecord(places, generation)),
    );
    return records.filter((record) => record !== undefined);
  }

  /**
   * Makes the fan-out of a monitor serve exactly these ports. Nothing is lost for ports that stay.
   * @throws BulkheadError NETWORK_BPF_MISSING, NETWORK_FILTERS_TOO_MANY, NETWORK_PORTS_TOO_MANY, NETWORK_FANOUT_FAILED;
   *         what stood before still runs.
   */
  async set(monitor: string, out: string, wanted: readonly FanoutPort[]): Promise<FanoutResult> {
    const links = new Map((await listLinks()).map((link) => [link.ifname, link]));
    const usable = wanted.filter((port) => {
      const link = links.get(port.hostEnd);
      return link !== undefined && isUp(link);
    });
    const missing = wanted.filter((port) => !usable.includes(port)).map((port) => port.hostEnd);
    if (missing.length > 0) this.#log.warn({ monitor, missing }, 'mirror ports without a link get nothing');

    const plan = planFanout(usable);
    const places = this.places(monitor);
    const known = await listGenerations(places);
    const ifindexOf = (hostEnd: string): number => links.get(hostEnd)?.ifindex ?? 0;
    const next = recordOf((known.at(-1) ?? 0) + 1, plan, ifindexOf, wanted);
    const standing = await this.current(monitor, out);
    if (standing !== undefined && sameFanout(standing, next)) {
      await writeRecord(places, { ...standing, wanted: [...wanted] });
      return { changed: false, missing };
    }

    const object = join(sitePaths(this.#site).bpfDir, 'fanout.o');
    await access(object).catch((cause: unknown) => {
      throw new BulkheadError({
        code: 'NETWORK_BPF_MISSING',
        message: `The compiled packet program ${object} is not there.`,
        hint: 'Run scripts/setup and scripts/build, which compile it with gcc-bpf.',
        cause,
      });
    });
    try {
      await mountBpffs(join(this.#site.runDir, 'bpf'));
      const pin = await buildGeneration(places, object, next, plan.blocks);
      await attachXdpGeneric(pin, out);
    } catch (cause) {
      await removeGeneration(places, next.generation);
      throw new BulkheadError({
        code: 'NETWORK_FANOUT_FAILED',
        message: `The fan-out of ${monitor} could not be installed: ${describeError(cause).slice(0, 600)}`,
        hint: 'What stood before still runs. `bulkhead doctor` checks the kernel features.',
        fields: { monitor },
        cause,
      });
    }
    await sleep(QUIESCE_MS);
    await this.#retire(monitor, next.generation);
    return { changed: true, missing };
  }

  /**
   * Serves again what was last asked for: a link that was made anew under a name that is wanted, or a program that was lost
   * with the link it was attached to. Does nothing when nothing has changed, or nothing was ever asked for.
   */
  async refresh(monitor: string, out: string): Promise<void> {
    const last = (await this.#records(monitor)).at(-1);
    if (last !== undefined && (await findLink(out)) !== undefined) await this.set(monitor, out, last.wanted);
  }

  /** Takes one port out of the attached generation at once, so that its link can go down without harm to others. */
  async drop(monitor: string, out: string, hostEnd: string): Promise<void> {
    const record = await this.current(monitor, out);
    if (record === undefined) return;
    const commands = removalCommands(this.places(monitor), record, hostEnd);
    if (commands.length === 0) return;
    const dropped = [...new Set([...record.dropped, hostEnd])];
    await writeRecord(this.places(monitor), { ...record, dropped });
    // An entry is gone already when the kernel has seen its link vanish: then the batch stops, and the rest is gone, too.
    await bpftoolBatch(commands).catch((error: unknown) => {
      this.#log.debug({ monitor, hostEnd, error: describeError(error) }, 'entry was gone already');
    });
  }

  /** Counters by slot of every generation that still has them. */
  async slots(monitor: string): Promise<{ record: GenerationRecord; slots: number[] }[]> {
    const places = this.places(monitor);
    const found: { record: GenerationRecord; slots: number[] }[] = [];
    for (const generation of await listGenerations(places)) {
      const [record, slots] = await Promise.all([
        readRecord(places, generation),
        readSlots(places, generation),
      ]);
      if (record !== undefined && slots !== undefined) found.push({ record, slots });
    }
    return found;
  }

  /** Detaches and forgets everything of a monitor. */
  async remove(monitor: string, out: string): Promise<void> {
    await detachXdpGeneric(out);
    const places = this.places(monitor);
    for (const generation of await listGenerations(places)) await removeGeneration(places, generation);
    await rm(places.pins, { recursive: true, force: true });
  }

  async #retire(monitor: string, keep: number): Promise<void> {
    const places = this.places(monitor);
    const old = (await listGenerations(places)).filter((generation) => generation !== keep);
    if (old.length === 0) return;
    await this.#onRetire(monitor);
    for (const generation of old) await removeGeneration(places, generation);
  }
}
