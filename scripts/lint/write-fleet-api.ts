import { writeFileSync } from 'node:fs';
import { describeFleet } from '@bulkhead/fleet-server/fleetd';

// Started by `npm run openapi` as a bundle, from the root of the repository.
writeFileSync('fleet-ui/api/openapi.json', await describeFleet());
