import { openInstrument } from '@bulkhead/sdk';

const instrument = await openInstrument();
instrument.health(() => ({ state: 'ok' }));
await new Promise<void>((resolve) => {
  instrument.stopping.addEventListener('abort', () => {
    resolve();
  });
});
await instrument.close();
