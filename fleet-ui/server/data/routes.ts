import { Readable } from 'node:stream';
import {
  DataKeySchema,
  DataSensorParamsSchema,
  DataStoresQuerySchema,
  DataStoresSchema,
  EVERY_INSTRUMENT,
  type DataReportState,
  type DataStore,
} from '@bulkhead/fleet-api';
import { BulkheadError, canonicalJson, keyFingerprint } from '@bulkhead/platform/kernel';
import type { FleetApp, Person } from '../web/index.ts';
import type { DataParts } from './parts.ts';
import type { ReportBook } from './report-book.ts';
import type { Reports } from './reports.ts';
import { pageOfRows } from './rows.ts';
import { FLEET_REPORT_KIND, type FleetReport } from './verify.ts';

export type DataRoutesParts = Pick<DataParts, 'fleet' | 'version' | 'ownStores' | 'sensors'> & {
  book: ReportBook;
  reports: Reports;
  now: () => number;
};

const TAGS = ['data'];

/**
 * What is kept where. A sensor's report is about all of its instruments, so it is for those who may see all of the sensor; what the
 * fleet itself keeps is for everybody who may see any sensor.
 */
export function dataRoutes(app: FleetApp, parts: DataRoutesParts): void {
  const { book, reports } = parts;
  app.get(
    '/api/v1/data',
    {
      config: { right: 'sensors.read', audit: 'data.view' },
      schema: {
        summary: 'Every copy of data: what it is, how old, by which policy, who reads it, where it goes',
        description: 'Of the fleet itself, and of sensors by the newest report that the fleet has of each.',
        tags: TAGS,
        querystring: DataStoresQuerySchema,
        response: { 200: DataStoresSchema },
      },
    },
    async ({ person, query: { at, faults, ...asked } }) => {
      const readable = readableSensors(parts, person);
      const wanted = readable.filter(({ id }) => at === undefined || at === id);
      reports.look(wanted.map(({ id }) => id));
      const own = at === undefined || at === 'fleet' ? await parts.ownStores() : [];
      const rows: DataStore[] = [
        ...own,
        ...wanted.flatMap(({ id, name }) =>
          (reports.of(id).view?.stores ?? []).map((store) => ({ ...store, sensor: id, sensorName: name })),
        ),
      ];
      return {
        ...pageOfRows(rows, { ...asked, faults: faults === 'yes' }),
        sensors: readable.map((sensor) => stateOf(sensor, parts)),
        key: keyFingerprint(book.signer().publicKey),
      };
    },
  );
  app.get(
    '/api/v1/data/export',
    {
      config: { right: 'sensors.read', audit: 'data.export' },
      schema: {
        summary: 'The same, signed: first a line of the fleet, then one of each sensor as it signed it',
        description:
          'NDJSON. The fleet signs its own stores and the SHA-256 of every line that follows; each of those is what ' +
          '`bulkhead data verify` takes. `fleetd verify-report FILE` checks all of it.',
        tags: TAGS,
        produces: ['application/x-ndjson'],
      },
    },
    async (request, reply) => {
      const readable = readableSensors(parts, request.person);
      const report = await fleetReport(parts, readable, request.person);
      request.audited = { facts: { sensors: report.sensors.length, complete: report.complete } };
      const first = `${canonicalJson(book.signer().sign(report))}\n`;
      return reply
        .type('application/x-ndjson; charset=utf-8')
        .header(
          'content-disposition',
          `attachment; filename="data-report-${report.time.slice(0, 10)}.ndjson"`,
        )
        .header('cache-control', 'no-store')
        .send(Readable.from(lines(first, report, book), { objectMode: false }));
    },
  );
  app.get(
    '/api/v1/data/sensors/:sensor/export',
    {
      config: { right: 'sensors.read', sensorParam: 'sensor', audit: 'data.export' },
      schema: {
        summary: "A sensor's newest report, as the sensor signed it",
        description: 'For `bulkhead data verify FILE`.',
        tags: TAGS,
        params: DataSensorParamsSchema,
      },
    },
    async ({ person, params: { sensor } }, reply) => {
      const text =
        person?.may('sensors.read', sensor, EVERY_INSTRUMENT) === true ? book.text(sensor) : undefined;
      if (text === undefined) throw none(sensor);
      return reply
        .type('application/json; charset=utf-8')
        .header('content-disposition', `attachment; filename="data-report-${sensor}.json"`)
        .header('cache-control', 'no-store')
        .send(`${text}\n`);
    },
  );
  app.get(
    '/api/v1/data/key',
    {
      config: { right: 'signed-in' },
      schema: {
        summary: 'The public key with which the fleet signs data reports',
        tags: TAGS,
        response: { 200: DataKeySchema },
      },
    },
    async () => {
      const { publicKey } = book.signer();
      return { algorithm: 'Ed25519' as const, publicKey, fingerprint: keyFingerprint(publicKey) };
    },
  );
}

function readableSensors(
  { sensors }: DataRoutesParts,
  person: Person | undefined,
): { id: string; name: string }[] {
  return sensors
    .all()
    .filter(({ id }) => person?.may('sensors.read', id, EVERY_INSTRUMENT) === true)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function stateOf(
  { id, name }: { id: string; name: string },
  { sensors, reports }: DataRoutesParts,
): DataReportState {
  const { kept, view, problem } = reports.of(id);
  return {
    ...{ sensor: id, name, online: sensors.isOnline(id), isAsked: reports.isAsked(id) },
    copies: view?.stores.length ?? 0,
    attention: (view?.attention ?? []).slice(0, 8),
    ...(kept === undefined ? {} : { heardAt: iso(kept.heard), key: keyFingerprint(kept.key) }),
    ...(kept?.keyChanged === undefined ? {} : { keyChangedAt: iso(kept.keyChanged) }),
    ...(view?.clockDoubt === undefined ? {} : { clockDoubt: view.clockDoubt }),
    ...(problem === undefined ? {} : { problem }),
  };
}

async function fleetReport(
  { fleet, version, ownStores, sensors, book, now }: DataRoutesParts,
  readable: readonly { id: string; name: string }[],
  person: Person | undefined,
): Promise<FleetReport> {
  return {
    kind: FLEET_REPORT_KIND,
    version: 1,
    fleet,
    fleetVersion: version,
    time: iso(now()),
    by: person?.name ?? '',
    // Somebody who may not see all of them does not get all of them.
    complete: readable.length === sensors.all().length,
    stores: await ownStores(),
    sensors: readable.map(({ id, name }) => {
      const kept = book.get(id);
      return kept === undefined
        ? { sensor: id, name, report: 'none' as const }
        : { sensor: id, name, heardAt: iso(kept.heard), key: kept.key, sha256: kept.sha256 };
    }),
  };
}

/** One after the other: the reports of a large fleet are never in memory together. */
async function* lines(first: string, { sensors }: FleetReport, book: ReportBook): AsyncGenerator<Buffer> {
  yield Buffer.from(first);
  for (const { sensor, sha256 } of sensors) {
    if (sha256 === undefined) continue;
    // A newer one that came meanwhile is not what was signed for: the line is left out, and the check says so.
    const text = book.get(sensor)?.sha256 === sha256 ? book.text(sensor) : undefined;
    if (text !== undefined) yield Buffer.from(`${text}\n`);
    await new Promise((go) => setImmediate(go));
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function none(sensor: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_DATA_NO_REPORT',
    message: `The fleet has no data report of ${sensor}.`,
    fields: { sensor },
  });
}
