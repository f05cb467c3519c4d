import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openInstrument } from '@bulkhead/sdk';
import { SuricataApp } from './app.ts';

/** Entry of the app bundle: `main.mjs` with `files/` beside it. */
const instrument = await openInstrument();
const app = new SuricataApp(instrument, { filesDir: join(dirname(fileURLToPath(import.meta.url)), 'files') });
const code = await app.run();
await instrument.close();
process.exit(code);
