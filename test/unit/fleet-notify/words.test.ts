import { expect, test } from 'vitest';
import { alertKind } from '../../../fleet-ui/server/notify/alert-kinds.ts';
import { isLinkLocal } from '../../../fleet-ui/server/notify/deliver/address.ts';
import { countedFrame, syslogLine } from '../../../fleet-ui/server/notify/deliver/syslog.ts';
import { shown } from '../../../fleet-ui/server/notify/deliver/outcome.ts';
import { matterOf } from '../../../fleet-ui/server/notify/matters.ts';
import { noticeOf, testNotice } from '../../../fleet-ui/server/notify/notice.ts';
import { cutBytes, plain } from '../../../fleet-ui/server/notify/plain.ts';
import { mailText, syslogOf } from '../../../fleet-ui/server/notify/writing.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const SENSOR = 's_aaaaaaaaaaaaaaaa';
const FROM = { fleet: 'fleet.example.org', url: 'https://fleet.example.org:8443', nameOf: () => 'ward-3' };
const HOSTILE =
  'ok\r\nBcc: all@example.org\r\n\r\n<script>\u2028\u202Egpj\u0000"]\\ <13>1 - - - - - forged\uD800';

const matter = (title: string, severity: 'critical' | 'warning' = 'critical') =>
  matterOf(
    { id: `blind:${title}`, severity, title, text: title, sensor: SENSOR, link: `/sensors/${SENSOR}` },
    NOW,
  );
const alert = (signature: string, count = 1) => ({
  ...alertKind({
    ...{
      id: 'e1',
      sensor: SENSOR,
      instrument: 'suricata',
      time: '2026-11-21T11:59:00.000Z',
      severity: 'high',
    },
    record: {
      alert: { signature, signature_id: 7 },
      src_ip: HOSTILE,
      src_port: 80,
      dest_ip: '2001:db8::1',
      dest_port: 53,
    },
  }),
  count,
});

test('text of an attacker is one line without anything that acts', () => {
  const line = plain(HOSTILE, 500);
  expect(line).toBe('ok Bcc: all@example.org <script> gpj "]\\ <13>1 - - - - - forged');
  expect(plain('x'.repeat(10_000_000), 10)).toBe('xxxxxxxxx…');
  expect(plain('😀😀😀', 4)).toBe('😀…');
  expect(plain({ toString: () => 'object' }, 10)).toBe('');
  expect(cutBytes('aé€😀', 5)).toBe('aé');
});

test('a flood at one sensor does not take all places of a message', () => {
  const quiet = { ...alert('quiet'), sensor: 's_bbbbbbbbbbbbbbbb' };
  const loud = Array.from({ length: 60 }, (_, n) => alert(`loud ${String(n)}`, 900));
  const batch = { began: [], over: [], leftOut: 0 };
  const { alerts } = noticeOf({ ...batch, alerts: [...loud, quiet] }, FROM, 'n_x', NOW);
  expect([alerts.length, alerts.map(({ signature }) => signature).indexOf('quiet')]).toEqual([15, 1]);
});

test('a message has counts of all, and some examples, the worst first', () => {
  const began = [matter('soon', 'warning'), ...Array.from({ length: 60 }, (_, n) => matter(`m${String(n)}`))];
  const notice = noticeOf(
    { began, over: [matter('gone')], alerts: [alert('rare'), alert('frequent', 900)], leftOut: 4 },
    FROM,
    'n_x',
    NOW,
  );
  expect(notice.subject).toBe('[Bulkhead fleet.example.org] 61 new, 1 over, 901 alerts, 4 more: m0');
  expect(notice.counts).toEqual({ began: 61, worse: 0, over: 1, alerts: 901, leftOut: 4 });
  expect([notice.began.length, notice.began[0]?.title, notice.alerts[0]?.signature]).toEqual([
    20,
    'm0',
    'frequent',
  ]);
  expect(notice.began[0]).toMatchObject({
    sensor: { id: SENSOR, name: 'ward-3' },
    link: `https://fleet.example.org:8443/sensors/${SENSOR}`,
  });
  const text = mailText(notice);
  expect(text).toContain('… and 41 more');
  expect(text).toContain('high: frequent (7)');
  expect(text).toContain('ward-3, suricata: 900 times');
  expect(text).toContain('OVER\n- gone');
});

test('what became worse stands apart from what is new, and says what it was', () => {
  const worse = Array.from({ length: 25 }, (_, n) => ({
    ...matter(`w${String(n)}`),
    was: 'warning' as const,
  }));
  const batch = { began: [matter('new', 'warning'), ...worse], over: [], alerts: [], leftOut: 0 };
  const notice = noticeOf(batch, FROM, 'n_x', NOW);
  expect(notice.subject).toBe('[Bulkhead fleet.example.org] 1 new, 25 worse: w0');
  expect([notice.counts.began, notice.counts.worse]).toEqual([1, 25]);
  expect([notice.began.map(({ title }) => title), notice.worse.length]).toEqual([['new'], 20]);
  expect(notice.worse[0]).toMatchObject({ severity: 'critical', was: 'warning', title: 'w0' });
  const text = mailText(notice);
  expect(text).toContain('NEW\n- warning: new\n');
  expect(text).toContain('WORSE\n- critical, was warning: w0\n');
  expect(text).toContain('… and 5 more');
  const line = syslogOf(notice);
  expect([line.severity, line.data['worse']]).toEqual([2, '25']);
  expect(line.text).toContain('critical, was warning: w0');
});

test('hostile words forge neither a header, a paragraph of a mail, nor a line of a log', () => {
  const batch = { began: [matter(HOSTILE)], over: [], alerts: [alert(HOSTILE)], leftOut: 0 };
  const notice = noticeOf(batch, { ...FROM, nameOf: () => HOSTILE }, 'n_x', NOW);
  expect(notice.subject).not.toMatch(/[\r\n\p{Cc}\p{Cf}]/u);
  const text = mailText(notice);
  expect(text.split('\n').filter((line) => line.startsWith('Bcc') || line.startsWith('<13>'))).toEqual([]);
  expect(text).not.toMatch(/[\p{Cf}\r]/u);
  const line = syslogLine({ ...syslogOf(notice), data: { fleet: HOSTILE } }, 'host');
  expect(line.replace('\uFEFF', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  // The value ends where it should: what would end it is escaped (RFC 5424, 6.3.3).
  expect(line).toContain(
    '[bulkhead@32473 fleet="ok Bcc: all@example.org <script> gpj \\"\\]\\\\ <13>1 - - - - - forged"] ',
  );
});

test('syslog is as RFC 5424 and RFC 6587 write it, and says how bad it is', () => {
  const of = (batch: Partial<Parameters<typeof noticeOf>[0]>) =>
    syslogOf(noticeOf({ began: [], over: [], alerts: [], leftOut: 0, ...batch }, FROM, 'n_x', NOW));
  expect(of({ began: [matter('a')] }).severity).toBe(2);
  expect(of({ alerts: [alert('a')] }).severity).toBe(4);
  expect(of({ over: [matter('a')] }).severity).toBe(6);
  const test = syslogOf(testNotice(FROM, 'anna', 'n_x', NOW));
  const line = syslogLine(test, 'a host\n');
  expect(line).toMatch(
    /^<134>1 2026-11-21T12:00:00\.000Z ahost bulkhead-fleet \d+ test \[bulkhead@32473 fleet="fleet\.example\.org" id="n_x" began="0" /,
  );
  const frame = countedFrame(`é${line}`);
  expect(frame.toString()).toBe(`${String(Buffer.byteLength(`é${line}`))} é${line}`);
  expect(countedFrame('€'.repeat(10_000)).length).toBeLessThan(8_200);
});

test('what the other side repeats of a secret is not shown', () => {
  const said = `535 hunter22 and ${Buffer.from('hunter22').toString('base64')} are wrong\r\nX: y`;
  expect(shown(said, ['hunter22', undefined, ''])).toBe('535 … and … are wrong X: y');
});

test.each([
  ['169.254.169.254', true],
  ['[fe80::1]', true],
  ['fe80::1%eth0', true],
  ['::ffff:169.254.169.254', true],
  ['127.0.0.1', false],
  ['10.0.0.1', false],
  ['mail.example.org', false],
])('%s is link-local: %s', (host, expected) => {
  expect(isLinkLocal(host)).toBe(expected);
});
