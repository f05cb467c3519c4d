import { expect, test } from 'vitest';
import { FieldRuleSchema, type FieldRule } from '@bulkhead/platform/contracts';
import { compileFieldPolicy } from '@bulkhead/platform/events';

const SECRET = Buffer.alloc(32, 7);
const rule = (action: FieldRule['action'], path: string, more: Partial<FieldRule> = {}): FieldRule => ({
  action,
  path,
  at: 'storage',
  ...more,
});
const apply = (rules: FieldRule[], record: Record<string, unknown>, type = 'http') => {
  compileFieldPolicy(rules, 'storage', SECRET).apply(type, record);
  return record;
};

test('a field is dropped where the path says, also in arrays and below any key, and nowhere else', () => {
  expect(apply([rule('drop', 'http.url')], { url: 'a', http: { url: 'b', host: 'c' } })).toEqual({
    url: 'a',
    http: { host: 'c' },
  });
  expect(
    apply([rule('drop', 'dns.answers.rdata')], { dns: { answers: [{ rdata: 1, ttl: 2 }, 'x'] } }),
  ).toEqual({
    dns: { answers: [{ ttl: 2 }, 'x'] },
  });
  expect(
    apply([rule('drop', 'alert.metadata.*')], { alert: { metadata: { a: 1, b: [2] }, gid: 1 } }),
  ).toEqual({
    alert: { metadata: {}, gid: 1 },
  });
  expect(apply([rule('drop', '*.user')], { smb: { user: 'a' }, user: 'b', rows: [{ user: 'c' }] })).toEqual({
    smb: {},
    user: 'b',
    rows: [{}],
  });
});

test('rules act on their types and their place only', () => {
  const policy = compileFieldPolicy(
    [rule('drop', 'payload', { types: ['alert'] }), rule('drop', 'http', { at: 'export' })],
    'storage',
    SECRET,
  );
  expect([policy.spares('alert'), policy.spares('http')]).toEqual([false, true]);
  const record = { payload: 'x', http: {} };
  policy.apply('http', record);
  expect(record).toEqual({ payload: 'x', http: {} });
});

test('the same value becomes the same pseudonym in every field, and another one with another key', () => {
  const rules = [rule('pseudonymise', 'user'), rule('pseudonymise', 'smb')];
  const record = apply(rules, { user: 'jo', smb: { owner: 'jo', id: 5, list: ['jo', null, true] } });
  const pseudonym = record['user'] as string;
  expect(pseudonym).toMatch(/^p-[0-9a-f]{24}$/);
  expect(record['smb']).toMatchObject({ owner: pseudonym, list: [pseudonym, null, true] });
  expect((record['smb'] as { id: string }).id).toMatch(/^p-/);
  const other = { user: 'jo' };
  compileFieldPolicy(rules, 'storage', Buffer.alloc(32, 8)).apply('http', other);
  expect(other.user).not.toBe(pseudonym);
  expect(apply(rules, { user: pseudonym })).toEqual({ user: pseudonym });
});

test('a hostile record changes nothing beyond itself', () => {
  const hostile = JSON.parse(
    '{"__proto__":{"url":"x"},"constructor":{"url":"y"},"http":{"__proto__":"z"}}',
  ) as Record<string, unknown>;
  const rules = ['*.url', 'http.__proto__', '__proto__.polluted'].map((path) => rule('pseudonymise', path));
  apply(rules, hostile);
  expect(JSON.stringify(hostile)).toMatch(
    /^\{"__proto__":\{"url":"p-[0-9a-f]{24}"\},"constructor":\{"url":"p-[0-9a-f]{24}"\},"http":\{"__proto__":"p-/,
  );
  expect(({} as Record<string, unknown>)['url']).toBeUndefined();
  expect(Object.getPrototypeOf(hostile)).toBe(Object.prototype);
  let deep: unknown = 'secret';
  for (let level = 0; level < 5_000; level += 1) deep = { a: deep };
  expect(JSON.stringify(apply([rule('pseudonymise', 'deep')], { deep }))).not.toContain('secret');
  let nested: unknown = { url: 'secret' };
  for (let level = 0; level < 5_000; level += 1) nested = [nested];
  expect(() => apply([rule('drop', 'http.url')], { http: nested })).not.toThrow();
});

test('what is not a path, or would take the whole record, is refused', () => {
  for (const path of ['', '*', 'a..b', 'a.', '.a', 'a b', 'a[0]', 'a.'.repeat(17) + 'a', 'x'.repeat(65)]) {
    expect(FieldRuleSchema.safeParse(rule('drop', path)).success, path).toBe(false);
  }
  expect(FieldRuleSchema.safeParse({ ...rule('drop', 'a'), more: 1 }).success).toBe(false);
  expect(FieldRuleSchema.safeParse(rule('drop', 'alert.metadata.*')).success).toBe(true);
});
