import type { GrantChangeResult, GrantEffect, Grants } from '../../contracts/index.ts';
import { BulkheadError, describeError, type Logger } from '../../kernel/index.ts';
import { SETTLE_TIMEOUT_MS, type ConfigChanges } from '../config-change.ts';
import { parseSensorConfig } from '../config-file.ts';
import type { Configuration } from '../configuration.ts';
import { toldRights } from '../instrument-files.ts';
import { digestOf } from '../desired.ts';
import type { RightsEffect } from '../rights-notices.ts';
import type { Sensor } from '../sensor.ts';
import { withGrants } from './document-edit.ts';
import { grantsOf, holds, isAsked, joined, rightsIn, without } from './grant-sets.ts';
import { askedRights, granteesOf, type Grantee } from './grants-report.ts';
import { formatRight, parseRight, type Right } from './right-text.ts';

/** What giving and revoking take. */
export interface GrantChangesParts {
  log: Logger;
  configuration: Pick<Configuration, 'inUse' | 'withhold'>;
  changes: Pick<ConfigChanges, 'apply'>;
  sensor: Pick<Sensor, 'desired' | 'enforceRights' | 'containers'> & {
    notices: Pick<Sensor['notices'], 'effect'>;
  };
}

/** Which rights, of whom, by whom. */
export interface GrantChange {
  instrument: string;
  /** In their short textual form; `all` = everything that is asked for, or was given. */
  rights: readonly string[] | 'all';
  author: string;
  reason: string;
}

/** An instrument that is busy may take this long to say that it takes its rights up; then people are told that it has not. */
const EFFECT_WAIT_MS = 3_000;

/**
 * Gives and takes rights, each time as a revision of the configuration.
 *
 * What is taken away ends on the bus before the revision takes its turn: changes of the configuration wait for each other, and
 * one that is being watched may take a minute. And nothing that an instrument says or does gets a right back that was taken.
 */
export class GrantChanges {
  readonly #parts: GrantChangesParts;

  constructor(parts: GrantChangesParts) {
    this.#parts = parts;
  }

  /** @throws BulkheadError SENSORD_RIGHT_INVALID, SENSORD_RIGHT_NOT_ASKED, SENSORD_INSTRUMENT_UNKNOWN, SENSORD_CONFIG_* */
  async give(change: GrantChange): Promise<GrantChangeResult> {
    const given: Right[] = [];
    const known: Right[] = [];
    const edit = (grants: Grants, self: Grantee, grantees: readonly Grantee[]): Grants => {
      given.length = 0;
      known.length = 0;
      const { asks } = manifestOf(self);
      let next = grants;
      for (const right of this.#wanted(change, self, grantees)) {
        const more = holds(next, right, asks) ? undefined : grantsOf(right, asks);
        (more === undefined ? known : given).push(right);
        if (more !== undefined) next = joined(without(next, replacedBy(right)), more);
      }
      return next;
    };
    const rehearsed = edit(...this.#rehearsal(change.instrument));
    const capabilities = digestOf(rehearsed.capabilities);
    const restarts = capabilities !== digestOf(this.#rehearsal(change.instrument)[0].capabilities);
    return this.#change(change, edit, { given, known, watch: restarts ? 'instruments' : 'steps' });
  }

  /** @throws BulkheadError SENSORD_RIGHT_INVALID, SENSORD_INSTRUMENT_UNKNOWN, SENSORD_CONFIG_* */
  async revoke(change: GrantChange): Promise<GrantChangeResult> {
    const { configuration, sensor, log } = this.#parts;
    const named = change.rights === 'all' ? undefined : change.rights.map(parseRight);
    const given: Right[] = [];
    const known: Right[] = [];
    const edit = (grants: Grants): Grants => {
      const rights = named ?? rightsIn(grants);
      const next = without(grants, rights);
      given.length = 0;
      known.length = 0;
      for (const right of rights)
        (digestOf(without(grants, [right])) === digestOf(grants) ? known : given).push(right);
      return next;
    };
    const [before] = this.#rehearsal(change.instrument);
    edit(before);
    if (given.length === 0) {
      return this.#change(change, edit, { given, known, watch: 'nothing' });
    }
    const started = performance.now();
    const release = configuration.withhold(change.instrument, (rights) =>
      without(rights, named ?? rightsIn(rights)),
    );
    try {
      const endedAfterMs = await sensor.enforceRights().then(
        () => Math.round(performance.now() - started),
        (error: unknown) => {
          log.error({ err: error }, `the bus does not enforce a revocation yet: ${describeError(error)}`);
        },
      );
      const result = await this.#change(change, edit, { given, known, watch: 'nothing' });
      return { ...result, ...(endedAfterMs === undefined ? {} : { endedAfterMs }) };
    } finally {
      release();
    }
  }

  async #change(
    { instrument, author, reason }: GrantChange,
    edit: (grants: Grants, self: Grantee, grantees: readonly Grantee[]) => Grants,
    { given, known, watch }: { given: Right[]; known: Right[]; watch: 'instruments' | 'steps' | 'nothing' },
  ): Promise<GrantChangeResult> {
    const { changes } = this.#parts;
    const told = this.#told(instrument);
    const outcome = await changes.apply({
      document: (inForce) => {
        const config = parseSensorConfig(inForce, 'in force');
        const grantees = granteesOf(config, this.#parts.sensor.desired);
        const self = configured(grantees, instrument);
        const next = edit(self.grants, self, grantees);
        return digestOf(next) === digestOf(self.grants) ? inForce : withGrants(inForce, instrument, next);
      },
      author,
      reason,
      origin: 'apply',
      timeoutMs: SETTLE_TIMEOUT_MS,
      watch,
    });
    const texts = (rights: readonly Right[]) => [...new Set(rights.map(formatRight))];
    return {
      instrument,
      ...outcome,
      rights: texts(given),
      unchanged: texts(known),
      effect: await this.#effect(instrument, told !== this.#told(instrument)),
    };
  }

  /** What the change would start from, were it made now; its turn may come later, then it is looked at again. */
  #rehearsal(instrument: string): [Grants, Grantee, Grantee[]] {
    const { configuration, sensor } = this.#parts;
    const grantees = granteesOf(configuration.inUse.config, sensor.desired);
    const self = configured(grantees, instrument);
    return [self.grants, self, grantees];
  }

  #wanted({ rights }: GrantChange, self: Grantee, grantees: readonly Grantee[]): Right[] {
    const manifest = manifestOf(self);
    if (rights === 'all') return askedRights(manifest, grantees);
    const packageOf = new Map(grantees.map((one) => [one.name, one.package]));
    return rights.map((text) => {
      const right = parseRight(text);
      if (holds(self.grants, right, manifest.asks) || isAsked(right, manifest.asks, packageOf)) return right;
      throw notAsked(self.name, text, askedRights(manifest, grantees));
    });
  }

  #told(instrument: string): string | undefined {
    const found = this.#parts.sensor.desired.instruments.find(({ name }) => name === instrument);
    return found && digestOf(toldRights(found));
  }

  async #effect(instrument: string, told: boolean): Promise<GrantEffect> {
    const { sensor } = this.#parts;
    const running = sensor.containers.some(({ name, status }) => name === instrument && status === 'running');
    if (!running) return { state: 'not running' };
    return told ? effectOf(await sensor.notices.effect(instrument, EFFECT_WAIT_MS)) : { state: 'now' };
  }
}

/** As people are told. */
export function effectOf(effect: RightsEffect | undefined): GrantEffect {
  if (effect?.state === 'restart') return effect;
  return { state: effect?.state === 'waiting' ? 'waiting' : 'now' };
}

/** The same destination with or without private addresses is one grant. */
function replacedBy(right: Right): Right[] {
  if (right.kind !== 'egress') return [];
  return [false, true].map((privateAddresses) => ({ ...right, privateAddresses }));
}

function manifestOf({ name, manifest, problem }: Grantee) {
  if (manifest !== undefined) return manifest;
  throw new BulkheadError({
    code: 'SENSORD_RIGHT_NOT_ASKED',
    message: `Nobody knows what ${name} asks for: ${problem ?? 'its package is not there'}.`,
    hint: 'Install its package first.',
    fields: { instrument: name },
  });
}

/** One of the configuration. @throws BulkheadError SENSORD_INSTRUMENT_UNKNOWN */
function configured(grantees: readonly Grantee[], name: string): Grantee {
  const found = grantees.find((one) => one.name === name && one.unverified === undefined);
  if (found !== undefined) return found;
  const beside = grantees.some((one) => one.name === name);
  throw new BulkheadError({
    code: 'SENSORD_INSTRUMENT_UNKNOWN',
    message: beside
      ? `${name} runs beside the configuration: its rights are those of \`bulkhead dev run\`.`
      : `There is no instrument ${name} in the configuration.`,
    hint: '`bulkhead grants show` lists the instruments.',
    fields: { instrument: name },
  });
}

function notAsked(instrument: string, right: string, asked: readonly Right[]): BulkheadError {
  const list = asked.map(formatRight).join(', ') || 'nothing';
  return new BulkheadError({
    code: 'SENSORD_RIGHT_NOT_ASKED',
    message: `${instrument} does not ask for ${right}, so giving it would have no effect.`,
    hint: `It asks for ${list.length > 1500 ? `${list.slice(0, 1500)} …` : list}.`,
    fields: { instrument, right },
  });
}
