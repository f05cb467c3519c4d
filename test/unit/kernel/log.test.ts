import { expect, test } from 'vitest';
import { openLog } from '@bulkhead/platform/kernel';

function lines(): { write(line: string): void; read(): Record<string, unknown>[] } {
  const kept: string[] = [];
  return {
    write: (line) => void kept.push(line),
    read: () => kept.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

test('a line says when, where from and what', () => {
  const out = lines();
  openLog('bus', 'info', out).info({ stream: 'S_a' }, 'stream made');
  expect(out.read()).toEqual([
    expect.objectContaining({
      room: 'bus',
      stream: 'S_a',
      msg: 'stream made',
      time: expect.stringMatching(/^\d{4}-/),
    }),
  ]);
});

test.each(['seed', 'key', 'secret', 'password', 'passphrase', 'token', 'authorization'])(
  'the value of %s reaches no line, at the top or one below',
  (field) => {
    const out = lines();
    const log = openLog('storage', 'info', out);
    log.info({ [field]: 'SUAVERYSECRET' }, 'top');
    log.info({ identity: { [field]: 'SUAVERYSECRET', name: 'suricata' } }, 'below');
    expect(JSON.stringify(out.read())).not.toContain('SUAVERYSECRET');
    expect(out.read()[1]).toMatchObject({ identity: { [field]: '[redacted]', name: 'suricata' } });
  },
);
