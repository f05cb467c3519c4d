import { expect, test } from 'vitest';
import { bestName, otherNames, serviceWords } from '../../../fleet-ui/web/src/pages/assets/asset-words.ts';
import { fileFault, sourceNameOf } from '../../../fleet-ui/web/src/pages/import/rules-file.ts';

test('a source is named after its file, whatever that is called', () => {
  const names = {
    'My Rules (1).rules': 'my-rules-1',
    '../../etc/x.RULES': 'x',
    'C:\\a\\b.txt': 'b',
    '\u202e.rules': '',
  };
  for (const [file, name] of Object.entries(names)) expect(sourceNameOf(file)).toBe(name);
  expect(sourceNameOf(`${'long-'.repeat(20)}.rules`)).toMatch(/^[a-z0-9][a-z0-9-]{0,22}[a-z0-9]$/);
});

test('what is no file of rules is not sent', () => {
  expect(fileFault({ size: 5, text: 'alert' })).toBeUndefined();
  expect(fileFault({ size: 0, text: '' })).toContain('empty');
  expect(fileFault({ size: 8_000_000, text: undefined })).toContain('larger');
  expect(fileFault({ size: 4, text: 'PK\0\0' })).toContain('no text');
});

test('an address is called as people call it, else as it calls itself, else as others do', () => {
  const last = '2026-11-21T10:00:00Z';
  const names = [
    { name: 'www.example.org', from: 'tls' as const, last },
    { name: 'host.example.org', from: 'dns' as const, last },
    { name: 'ws-7', from: 'dhcp' as const, last },
  ];
  const label = { name: 'Pump', note: '', critical: false, by: 'ada', at: last };
  expect(bestName({ names, label })).toBe('Pump');
  expect(bestName({ names })).toBe('ws-7');
  expect(bestName({ names: names.slice(0, 2), label: { ...label, name: '' } })).toBe('host.example.org');
  expect(bestName({ names: [] })).toBeUndefined();
  expect(otherNames({ names })).toEqual(['www.example.org', 'host.example.org']);
  expect(serviceWords({ port: 53, protocol: 'udp', application: '', last })).toBe('53/udp');
});
