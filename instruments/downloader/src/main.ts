import { openInstrument } from '@bulkhead/sdk';
import { DownloaderApp } from './app.ts';

/** Entry of the app bundle. */
const app = new DownloaderApp(await openInstrument());
await app.start();
