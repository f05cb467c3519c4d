import { writeFileSync } from 'node:fs';
import { ERROR_CATALOGUE } from '@bulkhead/platform/contracts';
import { errorReference } from './error-reference.ts';

// Started by `npm run errors-doc` as a bundle, from the root of the repository.
writeFileSync('platform/contracts/ERRORS.md', errorReference(ERROR_CATALOGUE));
