import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openInstrument } from '@bulkhead/sdk';
import { PassiveDnsApp } from './app.ts';

/** Entry of the app bundle: `main.mjs` with `better_sqlite3.node` and the web page in `files/ui` beside it. */
const here = dirname(fileURLToPath(import.meta.url));
const nativeBinding = join(here, 'better_sqlite3.node');
const instrument = await openInstrument();
const app = new PassiveDnsApp(instrument, existsSync(nativeBinding) ? { nativeBinding } : {});
await app.start({ uiDir: join(here, 'files', 'ui') });
