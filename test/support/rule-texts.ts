/** Rules for tests: as many as wanted, each different, with the words and options that real ones have. */

const FAMILIES = [
  'Cobalt Strike',
  'Emotet',
  'Mirai',
  'AsyncRAT',
  'Formbook',
  'Log4j',
  'Struts',
  'Confluence',
];
const KINDS = [
  'CnC Beacon',
  'Domain in DNS Lookup',
  'Inbound Exploit Attempt',
  'User-Agent',
  'Checkin',
  'Payload',
];
const CLASSES = [
  'trojan-activity',
  'attempted-admin',
  'bad-unknown',
  'policy-violation',
  'domain-c2',
  'misc-activity',
];

/** One rule that Suricata 7 takes. */
export function ruleText(sid: number, more = ''): string {
  const family = FAMILIES[sid % FAMILIES.length] ?? '';
  const kind = KINDS[sid % KINDS.length] ?? '';
  const host = `host-${sid.toString(36)}.example`;
  return (
    `alert http $HOME_NET any -> $EXTERNAL_NET any (msg:"TEST ${family} ${kind} ${String(sid)}"; flow:established,to_server; ` +
    `http.method; content:"GET"; http.host; content:"${host}"; bsize:${String(host.length)}; fast_pattern; ` +
    `reference:url,www.example/${sid.toString(16)}; reference:md5,${sid.toString(16).padStart(32, '0')}; ` +
    `classtype:${CLASSES[sid % CLASSES.length] ?? ''}; ${more}sid:${String(sid)}; rev:${String((sid % 9) + 1)}; ` +
    `metadata:affected_product Any, attack_target Client_Endpoint, created_at 2026_01_02, deployment Perimeter, signature_severity Major;)`
  );
}

/** Many rules, one to a line; every seventh is switched off by its source. */
export function ruleTexts(count: number, firstSid = 1_000_000): string {
  const lines = ['# rules for a test', ''];
  for (let n = 0; n < count; n += 1) {
    lines.push(`${n % 7 === 6 ? '#' : ''}${ruleText(firstSid + n)}`);
  }
  return `${lines.join('\n')}\n`;
}
