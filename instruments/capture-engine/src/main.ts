import { openInstrument } from '@bulkhead/sdk';
import { runCaptureEngine } from './app.ts';

/** Entry of the app bundle. */
const instrument = await openInstrument();
await runCaptureEngine(instrument);
await instrument.close();
