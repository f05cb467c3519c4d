import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkCapture } from '@bulkhead/scripts/replay';
import { expect, test } from 'vitest';
import {
  addressPairs,
  capturePath,
  compareEvents,
  pairOfRecord,
  presentCaptures,
  REFUSED_CAPTURE,
} from '../../support/captures.ts';
import { makePcap, tcpFrame, writeCapture } from '../../support/lab-frames.ts';

test('compareEvents names every difference, and allows what happens by chance', () => {
  expect(compareEvents({ dns: 2, flow: 1 }, { dns: 2, flow: 1 })).toEqual([]);
  expect(compareEvents({ dns: 2, flow: 1 }, { dns: 1, tls: 3 })).toEqual([
    'dns: expected 2, got 1',
    'flow: expected 1, got 0',
    'tls: expected 0, got 3',
  ]);
  expect(compareEvents({ ftp: 8 }, { ftp: 8, ftp_data: 1 }, { ftp_data: 1 })).toEqual([]);
  expect(compareEvents({ ftp: 8 }, { ftp: 8, ftp_data: 2 }, { ftp_data: 1 })).toHaveLength(1);
});

test('an EVE record is matched to the packets of its addresses, in both directions and notations', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-pairs-'));
  try {
    const packets = [
      { data: tcpFrame(Buffer.from('a')) },
      { data: tcpFrame(Buffer.from('b'), { ip6: true }) },
    ];
    const pairs = await addressPairs(await writeCapture(join(dir, 'both'), makePcap(packets)));
    const matches = (src_ip: string, dest_ip: string) => pairs.has(pairOfRecord({ src_ip, dest_ip }) ?? '');
    expect(matches('10.0.0.1', '10.0.0.2')).toBe(true);
    expect(matches('10.0.0.2', '10.0.0.1')).toBe(true);
    expect(matches('fd00::1', 'fd00:0000:0000:0000:0000:0000:0000:0002')).toBe(true);
    expect(matches('10.0.0.1', '10.0.0.3')).toBe(false);
    expect(pairOfRecord({ event_type: 'stats' })).toBeUndefined();
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

test('the known captures that are here are accepted whole, share no addresses, and the one of another link type is refused', async () => {
  const owners = new Map<string, string>();
  for (const { name, path } of presentCaptures()) {
    const facts = await checkCapture(path);
    expect(facts).toMatchObject({ unplayable: 0, tooLarge: 0, wrongChecksums: 0, cutPackets: 0 });
    expect(facts.longestFrame).toBeLessThanOrEqual(1514);
    for (const pair of await addressPairs(path)) {
      expect(owners.get(pair) ?? name).toBe(name);
      owners.set(pair, name);
    }
  }
  const refused = capturePath(REFUSED_CAPTURE);
  if (refused !== undefined) {
    await expect(checkCapture(refused)).rejects.toMatchObject({ code: 'START_CAPTURE_LINK_TYPE' });
  }
  expect(owners.size > 0).toBe(presentCaptures().length > 0);
});
