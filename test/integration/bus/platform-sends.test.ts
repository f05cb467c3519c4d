import { afterAll, beforeAll, expect, test } from 'vitest';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';

const dns = busInstrument('passive-dns', { accept: ['dns.lookup'] });
let bench: BusBench;

beforeAll(async () => {
  bench = await openBusBench('bpl');
  await bench.bus.ensure(busModel([dns, busInstrument('quiet')]));
});
afterAll(async () => {
  await bench.dispose();
});

test('a command of the platform is answered, and its sender is `platform`', async () => {
  const instrument = await bench.instrument(busModel([dns]), 'passive-dns');
  instrument.handle('dns.lookup', (payload, from) => ({ payload, from }));
  expect(await bench.bus.send('passive-dns', 'dns.lookup', { query: 'example.org' }, 5_000)).toEqual({
    ok: true,
    result: { payload: { query: 'example.org' }, from: 'platform' },
  });
  instrument.handle('dns.lookup', () => {
    throw Object.assign(new Error('not now'), { code: 'PASSIVE_DNS_BUSY' });
  });
  expect(await bench.bus.send('passive-dns', 'dns.lookup', {}, 5_000)).toEqual({
    ok: false,
    code: 'PASSIVE_DNS_BUSY',
    message: 'not now',
  });
  await instrument.close();
});

test('a command that is not accepted, and one to an instrument that is not there, find nobody', async () => {
  for (const [to, command] of [
    ['passive-dns', 'dns.lookup'],
    ['passive-dns', 'dns.purge'],
    ['quiet', 'dns.lookup'],
    ['nobody', 'dns.lookup'],
  ] as const) {
    await expect(bench.bus.send(to, command, {}, 2_000), `${to} ${command}`).rejects.toMatchObject({
      code: 'BUS_NO_RESPONDER',
    });
  }
});

test('an instrument that comes later can be sent to at once', async () => {
  const late = busInstrument('late', { accept: ['ping'] });
  const model = busModel([dns, busInstrument('quiet'), late]);
  await bench.bus.ensure(model);
  const instrument = await bench.instrument(model, 'late');
  instrument.handle('ping', () => 'pong');
  expect(await bench.bus.send('late', 'ping', {}, 5_000)).toEqual({ ok: true, result: 'pong' });
  await instrument.close();
});
