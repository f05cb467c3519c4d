import { expect, test } from 'vitest';
import type { ActivePortReport } from '@bulkhead/platform/contracts';
import { activeText } from '../../../platform/cli/commands/network.ts';

const none = { packets: 0, bytes: 0 };
const port: ActivePortReport = {
  instrument: 'downloader',
  port: 'net0',
  kind: 'dedicated',
  device: 'eth2',
  vlan: 20,
  mac: '02:00:00:00:00:01',
  addresses: [],
  up: false,
  faults: ['the table bh_a_1 is gone'],
  counts: {
    sent: { packets: 12_345, bytes: 9_876_543 },
    received: none,
    refused: { packets: 3, bytes: 180 },
    spoofed: none,
    protocol: none,
    unwanted: none,
  },
  refusedDestinations: [{ address: '169.254.169.254', protocol: 'tcp', port: 80, packets: 3 }],
  destinations: [
    {
      to: 'rules.example',
      protocol: 'tcp',
      ports: [443],
      privateAddresses: true,
      addresses: ['93.184.216.34'],
    },
    { to: 'other.example', protocol: 'udp', ports: [53, 123], privateAddresses: false, addresses: [] },
  ],
};

test('people read what an instrument may reach, what it sent, what was refused and why an interface is down', () => {
  const text = activeText([port]);
  expect(text).toContain(
    'downloader/net0: DOWN, dedicated on eth2, VLAN 20, no address yet (02:00:00:00:00:01)',
  );
  expect(text).toContain('! the table bh_a_1 is gone');
  expect(text).toContain('may reach rules.example tcp 443, private addresses too (93.184.216.34)');
  expect(text).toContain('may reach other.example udp 53, 123 (not asked for yet)');
  expect(text).toMatch(/sent +12,345 +9,876,543 bytes/);
  expect(text).toContain('! refused tcp 169.254.169.254:80, 3 packets');
  expect(activeText([{ ...port, destinations: [] }])).toContain('may reach nothing');
  expect(activeText([])).toBe('No instrument that runs has an active interface.');
});
