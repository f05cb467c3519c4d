import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  EventKeepingChangeSchema,
  SettingsSchema,
  type AttentionItem,
  type FleetCertificate,
  type Settings,
} from '@bulkhead/fleet-api';
import type { Database } from 'better-sqlite3';
import { z } from 'zod';
import type { FleetFeature } from '../web/index.ts';
import { Overrides, type Keeping } from './overrides.ts';

/** Below the state folder: what `fleetd backup` noted of the newest backup. */
export const BACKUP_NOTE_FILE = 'last-backup.json';

/** What a backup leaves behind. */
export const BackupNoteSchema = z.object({
  at: z.iso.datetime(),
  file: z.string().max(4_096),
  bytes: z.number(),
});
export type BackupNote = z.infer<typeof BackupNoteSchema>;

/** What this room needs. */
export interface SettingsParts {
  db: Database;
  stateDir: string;
  /** As the configuration file says. */
  keeping: Keeping;
  /** Where the configuration file is, for the command that is shown; undefined: not known. */
  configFile: string | undefined;
  /** PEM, the newest of each. */
  certificates: () => readonly { what: FleetCertificate['what']; given: boolean; pem: string }[];
  clock: () => number;
}

/** The fleet's settings, for its composition root. */
export interface FleetSettings {
  feature: FleetFeature;
  /** How long events are kept; read again at each use. */
  keeping: Readonly<Keeping>;
}

const DAY_MS = 86_400_000;
const BACKUP_EVERY_DAYS = 30;
/** Where the package puts it. */
const USUAL_CONFIG = '/etc/bulkhead/fleet.yaml';

/** What can be set in the app, what can be seen there, and whether a backup is due. */
export function fleetSettings(parts: SettingsParts): FleetSettings {
  const overrides = new Overrides(parts.db, parts.keeping);
  return {
    keeping: {
      get retentionDays() {
        return overrides.keeping().retentionDays;
      },
      get storeMib() {
        return overrides.keeping().storeMib;
      },
    },
    feature: {
      name: 'settings',
      start: async () => undefined,
      stop: async () => undefined,
      attention: () => backupAttention(parts),
      routes: (app) => {
        app.get(
          '/api/v1/settings',
          {
            config: { right: 'settings.manage' },
            schema: {
              summary: 'What is in force, and where it comes from',
              tags: ['settings'],
              response: { 200: SettingsSchema },
            },
          },
          async () => view(parts, overrides),
        );
        app.put(
          '/api/v1/settings/events',
          {
            config: { right: 'settings.manage', audit: 'settings.events' },
            schema: {
              summary:
                'How long events are kept here, and how large their store may be; what is beyond goes within a minute',
              tags: ['settings'],
              body: EventKeepingChangeSchema,
              response: { 200: SettingsSchema },
            },
          },
          async (request) => {
            const { retentionDays, storeMib } = request.body;
            overrides.set(request.body, request.person?.name ?? '', parts.clock());
            request.audited = {
              target: 'events',
              facts: { retentionDays: retentionDays ?? 'file', storeMib: storeMib ?? 'file' },
            };
            return view(parts, overrides);
          },
        );
      },
    },
  };
}

function view(parts: SettingsParts, overrides: Overrides): Settings {
  const last = lastBackup(parts.stateDir);
  return {
    events: overrides.view(),
    backup: {
      ...(last === undefined ? {} : { last }),
      command: `fleetd backup /backup/fleet-${new Date(parts.clock()).toISOString().slice(0, 10)} --config ${parts.configFile ?? USUAL_CONFIG}`,
      everyDays: BACKUP_EVERY_DAYS,
    },
    certificates: parts.certificates().map(certificateView),
  };
}

function certificateView({
  what,
  given,
  pem,
}: ReturnType<SettingsParts['certificates']>[number]): FleetCertificate {
  const certificate = new X509Certificate(pem);
  return {
    ...{ what, given },
    subject: certificate.subject.replaceAll('\n', ', '),
    names: (certificate.subjectAltName ?? '')
      .split(', ')
      .map((name) => name.replace(/^(DNS|IP Address|URI):/, ''))
      .filter((name) => name !== '')
      .slice(0, 100),
    notBefore: new Date(certificate.validFrom).toISOString(),
    notAfter: new Date(certificate.validTo).toISOString(),
    fingerprint: Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url'),
  };
}

/** undefined: none is known. Whatever lies there, it is only shown. */
function lastBackup(stateDir: string): BackupNote | undefined {
  try {
    const text = readFileSync(join(stateDir, BACKUP_NOTE_FILE), 'utf8').slice(0, 10_000);
    return BackupNoteSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function backupAttention({ db, stateDir, configFile, clock }: SettingsParts): AttentionItem[] {
  const last = lastBackup(stateDir);
  // A fleet that is new has some days until there is something to lose.
  const since = last?.at ?? db.prepare<[], string>('SELECT min(applied) FROM store_migrations').pluck().get();
  if (since === undefined || clock() - Date.parse(since) < BACKUP_EVERY_DAYS * DAY_MS) return [];
  return [
    {
      id: 'backup',
      severity: 'warning',
      title:
        last === undefined
          ? 'No backup of the fleet was ever made'
          : `The last backup of the fleet is older than ${String(BACKUP_EVERY_DAYS)} days`,
      text: `Without one, a lost disk means a new fleet and adopting every sensor anew. On its machine: fleetd backup FILE --config ${configFile ?? USUAL_CONFIG}`,
      since: new Date(Date.parse(since) + BACKUP_EVERY_DAYS * DAY_MS).toISOString(),
      link: '/settings/backup',
    },
  ];
}
