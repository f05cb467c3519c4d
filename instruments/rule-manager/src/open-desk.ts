import { join } from 'node:path';
import type { Health, Instrument } from '@bulkhead/sdk';
import type { Desk } from './api/desk.ts';
import { Builder } from './deploy/builder.ts';
import { grantedIdss, idsOverBus } from './deploy/ids.ts';
import { JobStore } from './deploy/job-store.ts';
import { Outbox } from './deploy/outbox.ts';
import { Pipeline } from './deploy/pipeline.ts';
import { Reconciler } from './deploy/reconciler.ts';
import { VersionStore } from './deploy/version-store.ts';
import { DocumentStore } from './documents/document-store.ts';
import type { Options } from './options.ts';
import { RuleStore } from './rules/rule-store.ts';
import { standingOf } from './rules/standing.ts';
import { readResource } from './sources/resource-file.ts';
import { SourceKeeper } from './sources/source-keeper.ts';
import { SourceStore } from './sources/source-store.ts';
import type { Database } from './store/database.ts';
import type { AlertLog } from './suppressions/alert-log.ts';

/** What the parts of the rule manager are joined from. */
export interface DeskParts {
  instrument: Instrument;
  db: Database;
  options: () => Options;
  /** Called whenever something that is shown changed. */
  changed: () => void;
  documentsChanged: () => void;
  alerts: () => AlertLog | undefined;
  generation: () => number;
  health: () => Health;
  pollMs?: number;
}

const MAX_CAPTURE_BYTES = 64 * 2 ** 20;

/** Joins the parts over one database. Nothing runs yet. */
export function openDesk(parts: DeskParts): Desk {
  const { instrument, db, options, changed, pollMs } = parts;
  const { log, persistentDir, resourcesDir } = instrument;
  const touched = (): void => {
    changed();
    parts.documentsChanged();
    reconciler.touch();
  };
  const documents = new DocumentStore(db, touched);
  const sources = new SourceStore(db);
  const rules = new RuleStore(db);
  const versions = new VersionStore(db, persistentDir);
  const jobs = new JobStore(db);
  const place = () => ({ sensor: instrument.file.sensor, groups: options().groups });
  const standing = () => standingOf(documents.list(), sources.current(), place(), Date.now());
  const granted = () => grantedIdss(instrument.file);
  const ids = (name: string) => idsOverBus(instrument, name);
  const keeper = new SourceKeeper({
    store: sources,
    documents,
    resourcesDir,
    pastedDir: join(persistentDir, 'pasted'),
    engineVersion: () => options().engineVersion,
    request: () =>
      instrument.file.services.includes('download.request')
        ? (payload) => instrument.ask('download.request', payload)
        : undefined,
    changed: () => {
      changed();
      reconciler.touch();
    },
    log,
  });
  const minShare = () => options().minShare;
  const builder = new Builder({ documents, sources, rules, versions, jobs, place, minShare });
  const pipeline = new Pipeline({
    builder,
    versions,
    jobs,
    documents,
    rules,
    standing,
    maySkip: (source) =>
      documents.about('source', source).some(({ body }) => 'skipFaulty' in body && body.skipFaulty),
    outbox: new Outbox(persistentDir),
    ids,
    capture: () => captureOf(resourcesDir, options()),
    publish: (type, record) => {
      if (!instrument.file.publish.includes(type)) return;
      instrument.publish(type, { event_type: type, ...record }).catch(() => undefined);
    },
    changed,
    ended: () => {
      reconciler.start();
    },
    unbuildable: (version, reason) => {
      reconciler.unbuildable(version, reason);
    },
    log,
    signal: instrument.stopping,
    maxMs: () => options().maxTestMinutes * 60_000,
    ...(pollMs === undefined ? {} : { pollMs }),
  });
  const reconciler = new Reconciler({
    builder,
    documents,
    jobs,
    pipeline,
    granted,
    ids,
    autoDeploy: () => options().autoDeploy,
    quietMs: () => options().quietS * 1_000,
    checkMs: () => options().checkS * 1_000,
    changed,
    log,
  });
  return {
    instrument: instrument.name,
    documents,
    sources,
    keeper,
    rules,
    versions,
    jobs,
    builder,
    pipeline,
    reconciler,
    alerts: parts.alerts,
    options,
    place,
    standing,
    granted,
    generation: parts.generation,
    health: parts.health,
  };
}

/** Recorded traffic that the operator named, if it is there. */
async function captureOf(
  resourcesDir: string,
  { testCapture, captureMustAlert }: Options,
): Promise<{ bytes: Buffer; mustAlert: readonly number[] } | undefined> {
  if (testCapture === undefined) return undefined;
  const file = await readResource(resourcesDir, testCapture, MAX_CAPTURE_BYTES);
  return file === undefined ? undefined : { bytes: file.bytes, mustAlert: captureMustAlert };
}
