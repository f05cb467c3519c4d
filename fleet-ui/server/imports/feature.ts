import type { FleetFeature } from '../web/index.ts';
import { importRoutes, type ImportTargets } from './routes.ts';
import type { Call } from './rule-manager.ts';

export interface ImportsParts {
  /** Rule managers, as sensors said last. Answered from memory. */
  targets: ImportTargets;
  call: Call;
}

/** What people bring from elsewhere. Nothing is kept here: it goes to the instrument that it is for. */
export function importsFeature(parts: ImportsParts): FleetFeature {
  return {
    name: 'imports',
    start: async () => undefined,
    stop: async () => undefined,
    routes: (app) => {
      importRoutes(app, parts);
    },
  };
}
