import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import {
  GrantChangeRequestSchema,
  NameSchema,
  type GrantEffect,
  type GrantsMatrix,
  type GrantsReport,
} from '../../contracts/index.ts';
import { BulkheadError, parseStrict } from '../../kernel/index.ts';
import type { Feature, FeatureContext } from '../feature.ts';
import { effectOf, GrantChanges, type GrantChange } from './grant-changes.ts';
import { GrantHistory } from './grant-history.ts';
import { granteesOf, grantsReport, type Grantee } from './grants-report.ts';
import { grantsMatrix } from './grants-matrix.ts';

const QuerySchema = z.strictObject({ instrument: NameSchema.optional() });

/** What instruments ask for and were given, over the local API: who may do what, since when, and the change of it. */
export function grantsFeature({ configuration, changes, sensor, log }: FeatureContext): Feature {
  const history = new GrantHistory(() => configuration.revisions.list());
  const grantChanges = new GrantChanges({ log, configuration, changes, sensor });
  const revision = () => configuration.state.revision?.number ?? 0;

  const report = async (instrument: string | undefined): Promise<GrantsReport> => {
    const grantees = granteesOf(configuration.inUse.config, sensor.desired);
    if (instrument !== undefined && !grantees.some(({ name }) => name === instrument))
      throw unknown(instrument);
    await history.advance();
    const effects = new Map(
      await Promise.all(
        grantees.map(async ({ name }) => [name, effectOf(await sensor.notices.effect(name, 0))] as const),
      ),
    );
    const effect = ({ name }: Grantee): GrantEffect => {
      const running = sensor.containers.some((one) => one.name === name && one.status === 'running');
      return running ? (effects.get(name) ?? { state: 'now' }) : { state: 'not running' };
    };
    const since = ({ name, package: packageName }: Grantee, right: string) =>
      history.since(name, packageName, right);
    const all = grantsReport(grantees, { since, effect });
    return {
      revision: revision(),
      instruments: instrument === undefined ? all : all.filter((one) => one.instrument === instrument),
    };
  };

  return {
    name: 'grants',
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    routes: (app: FastifyInstance) => {
      app.get('/v1/grants', (request) =>
        report(parseStrict(QuerySchema, request.query, 'SENSORD_REQUEST_INVALID', 'The request').instrument),
      );
      app.get('/v1/grants/matrix', (): GrantsMatrix => {
        const { desired } = sensor;
        const instruments = desired.instruments.map(({ name }) => name).sort();
        return { revision: revision(), instruments, edges: grantsMatrix(desired) };
      });
      app.post('/v1/grants/give', (request) => grantChanges.give(changeOf(request.body)));
      app.post('/v1/grants/revoke', (request) => grantChanges.revoke(changeOf(request.body)));
    },
  };
}

function changeOf(body: unknown): GrantChange {
  const { all, rights, ...rest } = parseStrict(
    GrantChangeRequestSchema,
    body,
    'SENSORD_REQUEST_INVALID',
    'The request',
  );
  return { ...rest, rights: all ? 'all' : rights };
}

function unknown(instrument: string): BulkheadError {
  return new BulkheadError({
    code: 'SENSORD_INSTRUMENT_UNKNOWN',
    message: `There is no instrument ${instrument} on this sensor.`,
    hint: '`bulkhead grants show` lists them.',
    fields: { instrument },
  });
}
