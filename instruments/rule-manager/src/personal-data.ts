import { rmSync, statSync } from 'node:fs';
import type { DataHandlers, DataSubject, FoundRecords, KeptCopy } from '@bulkhead/sdk';
import type { DocumentStore } from './documents/document-store.ts';
import type { AnyDocument } from './documents/schemas.ts';
import type { VersionStore } from './deploy/version-store.ts';
import { RulesError } from './errors.ts';
import type { Database } from './store/database.ts';
import { normalAddress } from './suppressions/address-set.ts';
import { NOT_HELD, type AlertLog } from './suppressions/alert-log.ts';

/** Where data about an address is kept. */
export interface KeptPlaces {
  rulesDb: Database;
  alertsDb: Database;
  /** Files of both databases. */
  rulesFile: string;
  alertsFile: string;
  alerts: AlertLog;
  documents: DocumentStore;
  versions: VersionStore;
  alertDays: () => number;
}

const MAX_HOLDS = 1_000;
const BY = { author: 'platform', reason: 'Data about an address was deleted on request.' };

/** Says what is kept beyond the moment. */
export function keptCopies(places: KeptPlaces): KeptCopy[] {
  const { alerts, rulesDb, documents } = places;
  const span = alerts.span();
  const history = rulesDb
    .prepare<[], { n: number; oldest: string | null; newest: string | null }>(
      'SELECT count(*) AS n, min(time) AS oldest, max(time) AS newest FROM history',
    )
    .get();
  const sizes = ['', '-wal'].map(
    (part) => statSync(`${places.alertsFile}${part}`, { throwIfNoEntry: false })?.size ?? 0,
  );
  return [
    {
      name: 'alerts',
      what: 'signature, time and both addresses of the alerts of the last days, for previews of suppressions',
      records: alerts.rows,
      bytes: sizes.reduce((sum, size) => sum + size, 0),
      ...(span === undefined
        ? {}
        : { oldest: new Date(span.oldest).toISOString(), newest: new Date(span.newest).toISOString() }),
      policyDays: places.alertDays(),
    },
    {
      name: 'suppressions',
      what: 'suppressions with the addresses that they are for, who wanted them and why; until removed or expired',
      records: documents.counts().suppression,
    },
    {
      name: 'history',
      what: 'who changed which rule, suppression or source, when and why; the last 50,000 changes',
      records: history?.n ?? 0,
      ...(typeof history?.oldest === 'string' ? { oldest: history.oldest } : {}),
      ...(typeof history?.newest === 'string' ? { newest: history.newest } : {}),
    },
  ];
}

/**
 * Finds, deletes and holds what is kept about an address. A suppression for exactly this address is deleted too, and the IDS gets
 * rules without it. Nothing is kept about names.
 */
export function personalData(places: KeptPlaces): DataHandlers {
  return {
    find: (subject) => find(places, addressOf(subject)),
    purge: (subject) => purge(places, addressOf(subject)),
    hold: (subject, hold) => {
      setHold(places, addressOf(subject), hold);
    },
  };
}

async function find(
  { alertsDb, rulesDb, documents, versions }: KeptPlaces,
  address: string | undefined,
): Promise<FoundRecords[]> {
  if (address === undefined) return [];
  const row = alertsDb
    .prepare<[string, string], { n: number; oldest: number | null; newest: number | null }>(
      'SELECT count(*) AS n, min(time) AS oldest, max(time) AS newest FROM alerts WHERE src = ? OR dst = ?',
    )
    .get(address, address);
  const kept = documents.list().filter((document) => namesAddress(document, address)).length;
  const lines = await versions.countSuppressions((line) => line.endsWith(` ip ${address}`));
  return [
    {
      copy: 'alerts',
      records: row?.n ?? 0,
      ...(typeof row?.oldest === 'number' ? { oldest: new Date(row.oldest).toISOString() } : {}),
      ...(typeof row?.newest === 'number' ? { newest: new Date(row.newest).toISOString() } : {}),
    },
    { copy: 'suppressions', records: kept + lines },
    { copy: 'history', records: historyWith(rulesDb, address).length },
  ].filter(({ records }) => records > 0);
}

async function purge(places: KeptPlaces, address: string | undefined): Promise<number> {
  const { alerts, alertsDb, rulesDb, documents, versions } = places;
  if (address === undefined) return 0;
  alerts.flush();
  let deleted = alerts.remove(`(src = ? OR dst = ?) AND ${NOT_HELD}`, [address, address]);
  alertsDb.pragma('wal_checkpoint(TRUNCATE)');
  if (isHeld(alertsDb, address)) return deleted;
  // A damaged database that was set aside cannot be looked through.
  for (const file of [places.rulesFile, places.alertsFile]) rmSync(`${file}.damaged`, { force: true });
  rulesDb.pragma('secure_delete = ON');
  for (const document of documents.list().filter((one) => namesAddress(one, address))) {
    deleted += 1;
    const { body } = document;
    const left = 'addresses' in body ? body.addresses?.filter((one) => one !== address) : undefined;
    if (document.kind === 'suppression' && left !== undefined && left.length > 0) {
      const { kind, scope, expires } = document;
      const wanted = {
        kind,
        scope,
        expires,
        subject: String(document.body.sid),
        body: { ...document.body, addresses: left },
      };
      documents.change(document.id, wanted, BY);
    } else documents.remove(document.kind, document.id, BY);
  }
  const blot = rulesDb.prepare('UPDATE history SET old = ?, new = ?, reason = ? WHERE id = ?');
  for (const { id, old, new: now, reason } of historyWith(rulesDb, address)) {
    deleted += 1;
    const without = (text: string | null) => text?.replaceAll(patternOf(address), '…') ?? null;
    blot.run(without(old), without(now), without(reason), id);
  }
  rulesDb.pragma('secure_delete = FAST');
  rulesDb.pragma('wal_checkpoint(TRUNCATE)');
  return deleted + (await versions.removeSuppressions((line) => line.endsWith(` ip ${address}`)));
}

function setHold({ alertsDb }: KeptPlaces, address: string | undefined, hold: boolean): void {
  if (address === undefined) return;
  if (!hold) {
    alertsDb.prepare('DELETE FROM holds WHERE address = ?').run(address);
    return;
  }
  const { n = 0 } = alertsDb.prepare<[], { n: number }>('SELECT count(*) AS n FROM holds').get() ?? {};
  if (n >= MAX_HOLDS && !isHeld(alertsDb, address)) {
    throw new RulesError('RULES_TOO_MANY', `${String(MAX_HOLDS)} addresses are held already.`);
  }
  alertsDb.prepare('INSERT OR IGNORE INTO holds VALUES (?, ?)').run(address, Date.now());
}

function isHeld(db: Database, address: string): boolean {
  return db.prepare('SELECT 1 FROM holds WHERE address = ?').get(address) !== undefined;
}

function namesAddress({ scope, body }: AnyDocument, address: string): boolean {
  if ('address' in scope && normalAddress(scope.address) === address) return true;
  return 'addresses' in body && body.addresses?.some((one) => normalAddress(one) === address) === true;
}

interface HistoryRow {
  id: number;
  old: string | null;
  new: string | null;
  reason: string;
}

function historyWith(db: Database, address: string): HistoryRow[] {
  const pattern = patternOf(address);
  return db
    .prepare<[string], HistoryRow>(
      "SELECT id, old, new, reason FROM history WHERE instr(coalesce(old, '') || coalesce(new, '') || reason, ?) > 0",
    )
    .all(address)
    .filter((row) =>
      [row.old, row.new, row.reason].some((text) => text !== null && text.search(pattern) !== -1),
    );
}

/** The address by itself, not as a part of a longer one. */
function patternOf(address: string): RegExp {
  return new RegExp(`(?<![0-9a-fA-F:.])${address.replaceAll('.', '\\.')}(?![0-9a-fA-F:]|\\.\\d)`, 'g');
}

function addressOf(subject: DataSubject): string | undefined {
  if (subject.address === undefined) return undefined;
  const address = normalAddress(subject.address);
  if (address !== undefined) return address;
  throw new RulesError('RULES_REQUEST_INVALID', 'What was given is no address.');
}
