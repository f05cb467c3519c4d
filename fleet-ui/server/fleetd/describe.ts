import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLog } from '@bulkhead/platform/kernel';
import { parseConfig } from './config.ts';
import { openFleet } from './service.ts';

/**
 * The API of this fleet in the form of OpenAPI 3.1, as text of `fleet-ui/api/openapi.json`. Opens a fleet in a folder of its own,
 * without starting anything of it.
 */
export async function describeFleet(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'fleet-api-'));
  try {
    const config = parseConfig(
      {
        stateDir: join(dir, 'state'),
        web: { plainHttp: true, address: '127.0.0.1', port: 0 },
        logLevel: 'error',
      },
      dir,
    );
    const fleet = await openFleet(config, openLog('fleetd', 'error'));
    try {
      return `${JSON.stringify(sorted(fleet.web.app.swagger()), undefined, 2)}\n`;
    } finally {
      await fleet.stop();
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Paths by name: the order in which rooms are opened is nobody's matter. */
function sorted(document: object): object {
  const { paths, components, ...rest } = document as { paths?: object; components?: { schemas?: object } };
  return {
    ...rest,
    components: { ...components, schemas: byName(components?.schemas) },
    paths: byName(paths),
  };
}

function byName(map: object = {}): object {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}
