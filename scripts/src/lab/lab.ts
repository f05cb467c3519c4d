import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BulkheadError,
  describeError,
  withReverter,
  type Logger,
  type Site,
} from '@bulkhead/platform/kernel';
import { ATTACKS, type AttackName } from './attack-kinds.ts';
import { bundlePrograms, type ProgramName } from './bundle.ts';
import { makeCertificates } from './certificates.ts';
import { dnsServerCommand, platformDnsCommand } from './dns-server.ts';
import { freePort } from './free-port.ts';
import { ADDRESSES, HOSTS, labLayout, RULE_PATHS, type LabHost, type LabLayout } from './layout.ts';
import { removeLink, removeNamespace } from './namespace.ts';
import { labNamespaces, makeLabNetwork, spanCounters, type SpanCounters } from './network.ts';
import { LabProgram } from './program.ts';
import { packEditions, type RuleEdition } from './rule-editions.ts';

/** What happened in the lab since it was opened. */
export interface LabStats {
  /** Frames that entered the switch, and what its SPAN port did with them. */
  span: SpanCounters;
  /** What the clients did: `lookups`, `pages`, `objects`, `downloads`, `logins`, `failures`. */
  clients: Readonly<Record<string, number>>;
  /** How often each kind of attack ran to its end. */
  attacks: Readonly<Record<string, number>>;
}

/** Where rules can be fetched from, over a link of its own. */
export interface RuleSource {
  /** Host end of that link, for a `dedicated` active interface; down until the sensor raises it. */
  readonly device: string;
  /** Address with prefix length for who stands behind it. */
  readonly address: string;
  /** DNS server on the host's loopback interface that knows the source's name and nothing else. */
  readonly dnsServer: string;
  /** An index in suricata-update's format, and the archive that it names. */
  readonly indexUrl: string;
  readonly archiveUrl: string;
  /** Certificate of the authority that vouches for it: PEM. */
  readonly ca: string;
  /** From now on this edition is served; the first at the start. */
  serve(edition: RuleEdition): Promise<void>;
}

/** A running lab. */
export interface Lab {
  /** The SPAN port's end in the host's namespace; down until the sensor raises it. */
  readonly monitorDevice: string;
  readonly ruleSource: RuleSource;
  /** Lets the clients talk, in the background, until the signal or {@link Lab.stop}. */
  startClients(signal?: AbortSignal): void;
  /**
   * Runs one kind of attack, or all of them one after the other; resolves when they are over (all: about 15 s).
   * @throws BulkheadError START_LAB_ATTACK_FAILED.
   */
  attack(kind?: AttackName): Promise<void>;
  /** Runs all kinds again and again until the signal, with a pause (default 5 s) after each. Failures go to the log. */
  startAttacks(signal: AbortSignal, pauseMs?: number): void;
  stats(): Promise<LabStats>;
  /** Ends its programs and removes everything it made. */
  stop(): Promise<void>;
}

const READY_MS = 10_000;
const ATTACK_MS = 30_000;

/**
 * Brings up a site's lab in about a second; removes the leftovers of an earlier one first.
 * @throws BulkheadError START_LAB_FAILED, KERNEL_COMMAND_MISSING (a program it needs is not installed); nothing is left then.
 */
export async function openLab({ site, log }: { site: Site; log: Logger }): Promise<Lab> {
  const layout = labLayout(site);
  await removeLab(site);
  const report = (error: unknown, what: string) => {
    log.warn({ error: describeError(error) }, `could not undo ${what}`);
  };
  return withReverter(report, async (undo) => {
    undo.add('lab folder', () => rm(layout.dir, { recursive: true, force: true }));
    await mkdir(layout.dir, { recursive: true, mode: 0o755 });
    const dnsPort = await freePort();
    const [dns, platformDns] = await Promise.all([
      dnsServerCommand(layout.dir),
      platformDnsCommand(layout.dir, dnsPort),
      packEditions(join(layout.dir, 'rules')),
      bundlePrograms(layout.dir),
      makeCertificates(layout.dir),
      makeLabNetwork(layout, undo),
    ]);
    const programs = {
      dns: new LabProgram('DNS server', hostOf(layout, 'server').namespace, dns, log),
      server: startProgram(layout, 'server', hostOf(layout, 'server').namespace, log),
      outside: startProgram(layout, 'outside', hostOf(layout, 'outside').namespace, log),
      clients: startProgram(layout, 'clients', hostOf(layout, 'client').namespace, log),
      platformDns: new LabProgram('DNS server for the platform', undefined, platformDns, log),
      source: startProgram(layout, 'source', layout.management.namespace, log),
    };
    undo.add('lab programs', () => stopAll(programs));
    await Promise.all(
      [programs.server, programs.outside, programs.source].map((program) => program.ready(READY_MS)),
    );
    // The clients are ready when the DNS server has answered them.
    await programs.clients.ready(READY_MS);
    log.info({ monitor: layout.monitorDevice }, 'the lab is up');
    const source: RuleSource = {
      device: layout.management.hostEnd,
      address: `${ADDRESSES.fetcher.ip4}/24`,
      dnsServer: `127.0.0.1:${String(dnsPort)}`,
      indexUrl: `https://${HOSTS.rules}${RULE_PATHS.index}`,
      archiveUrl: `https://${HOSTS.rules}${RULE_PATHS.archive}`,
      ca: await readFile(join(layout.dir, 'rules-ca.crt'), 'utf8'),
      serve: (edition) => programs.source.command({ do: 'serve', kind: edition }, READY_MS),
    };
    return new RunningLab(site, layout, programs, source, log);
  });
}

/** Removes a site's lab, whoever made it and however it ended: its processes, namespaces, links and folder. */
export async function removeLab(site: Site): Promise<void> {
  const layout = labLayout(site);
  await removeLink(layout.monitorDevice);
  await removeLink(layout.management.hostEnd);
  await Promise.all(labNamespaces(layout).map(removeNamespace));
  await rm(layout.dir, { recursive: true, force: true });
}

type Programs = Readonly<Record<'dns' | 'platformDns' | ProgramName, LabProgram>>;

async function stopAll(programs: Programs): Promise<void> {
  await Promise.all(Object.values(programs).map((program) => program.stop()));
}

function hostOf(layout: LabLayout, role: LabHost['role']): LabHost {
  const host = layout.hosts.find((one) => one.role === role);
  if (host === undefined) throw new Error(`the lab has no ${role}`);
  return host;
}

function startProgram(layout: LabLayout, name: ProgramName, namespace: string, log: Logger): LabProgram {
  // A small heap: these programs move little, and the sensor beside them needs the memory.
  const command = [process.execPath, '--max-old-space-size=64', join(layout.dir, `${name}.mjs`), layout.dir];
  return new LabProgram(name, namespace, command, log);
}

/**
 * INVARIANTS: attacks run one at a time (thresholds of rules count per source, and a reader should be able to tell them apart);
 * after `stop` began nothing is started.
 */
class RunningLab implements Lab {
  readonly monitorDevice: string;
  readonly ruleSource: RuleSource;
  readonly #site: Site;
  readonly #layout: LabLayout;
  readonly #programs: Programs;
  readonly #log: Logger;
  readonly #attacks: Record<string, number> = {};
  readonly #stopped = new AbortController();
  #tail: Promise<void> = Promise.resolve();

  constructor(site: Site, layout: LabLayout, programs: Programs, ruleSource: RuleSource, log: Logger) {
    this.monitorDevice = layout.monitorDevice;
    this.ruleSource = ruleSource;
    this.#site = site;
    this.#layout = layout;
    this.#programs = programs;
    this.#log = log;
  }

  startClients(signal?: AbortSignal): void {
    if (signal?.aborted === true) return;
    this.#tellClients('start');
    signal?.addEventListener(
      'abort',
      () => {
        this.#tellClients('stop');
      },
      { once: true },
    );
  }

  async attack(kind?: AttackName): Promise<void> {
    for (const name of kind === undefined ? ATTACKS.map((one) => one.kind) : [kind])
      await this.#attackOnce(name);
  }

  startAttacks(signal: AbortSignal, pauseMs = 5_000): void {
    const until = AbortSignal.any([signal, this.#stopped.signal]);
    const attackOn = async () => {
      for (let next = 0; !until.aborted; next = (next + 1) % ATTACKS.length) {
        await this.#attackOnce(ATTACKS[next]?.kind ?? 'port-scan').catch((error: unknown) => {
          this.#complain(error, 'attack failed');
        });
        await sleep(pauseMs, undefined, { signal: until }).catch(() => undefined);
      }
    };
    void attackOn();
  }

  async stats(): Promise<LabStats> {
    return {
      span: await spanCounters(this.#layout),
      clients: this.#programs.clients.counters,
      attacks: { ...this.#attacks },
    };
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await stopAll(this.#programs);
    await removeLab(this.#site);
  }

  #tellClients(what: 'start' | 'stop'): void {
    if (this.#stopped.signal.aborted) return;
    this.#programs.clients.command({ do: what }, READY_MS).catch((error: unknown) => {
      this.#complain(error, `clients did not ${what}`);
    });
  }

  #complain(error: unknown, what: string): void {
    if (!this.#stopped.signal.aborted) this.#log.warn({ error: describeError(error) }, what);
  }

  #attackOnce(name: AttackName): Promise<void> {
    const run = async () => {
      const entry = ATTACKS.find((one) => one.kind === name);
      if (entry === undefined || this.#stopped.signal.aborted) {
        throw new BulkheadError({
          code: 'START_LAB_ATTACK_FAILED',
          message: entry === undefined ? `The lab knows no attack ${name}.` : 'The lab was stopped.',
          hint: `Kinds: ${ATTACKS.map((one) => one.kind).join(', ')}.`,
        });
      }
      const program = entry.from === 'outside' ? this.#programs.outside : this.#programs.clients;
      await program.command({ do: 'attack', kind: name }, ATTACK_MS);
      this.#attacks[name] = (this.#attacks[name] ?? 0) + 1;
    };
    const result = this.#tail.then(run);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}
