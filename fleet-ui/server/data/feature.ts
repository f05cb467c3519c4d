import type { FleetFeature } from '../web/index.ts';
import type { DataParts } from './parts.ts';
import { ReportBook } from './report-book.ts';
import { Reports } from './reports.ts';
import { dataRoutes } from './routes.ts';

/** Every copy of data that sensors and the fleet keep. */
export function dataFeature(parts: DataParts): FleetFeature {
  const { sensors, log, now = Date.now } = parts;
  const book = new ReportBook(parts.db);
  const ids = () => sensors.all().map(({ id }) => id);
  const reports = new Reports({
    ...{ book, log, now, sensors: ids, ask: sensors.ask },
    isOnline: (id) => sensors.isOnline(id),
  });
  return {
    name: 'data',
    start: async () => {
      reports.start();
      sensors.onAttached((sensor) => {
        reports.look([sensor]);
      });
    },
    stop: async () => {
      reports.stop();
    },
    routes: (app) => {
      dataRoutes(app, { ...parts, now, book, reports });
    },
  };
}
