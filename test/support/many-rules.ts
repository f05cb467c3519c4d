/** First signature id of {@link manyRules}. */
export const MANY_RULES_FIRST_SID = 5_000_001;

/** Pseudo-random numbers that are the same in every run (mulberry32). */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const FAMILIES = [
  ['TROJAN', 'trojan-activity', 'Client_Endpoint'],
  ['EXPLOIT', 'attempted-admin', 'Server'],
  ['WEB_SPECIFIC_APPS', 'web-application-attack', 'Web_Server'],
  ['POLICY', 'policy-violation', 'Client_Endpoint'],
  ['PHISHING', 'credential-theft', 'Client_Endpoint'],
  ['MOBILE_MALWARE', 'domain-c2', 'Mobile_Client'],
] as const;
const TOP_LEVEL = ['com', 'net', 'org', 'top', 'xyz', 'info', 'ru', 'cn', 'icu', 'live'];
const SYLLABLES =
  'ba co de fi gu ha je ki lo mu na po qui ra si to ul ve wo xi ya zu tra ble cro dri fla gre'.split(' ');
const EXTENSIONS = ['php', 'asp', 'jsp', 'exe', 'js', 'bin', 'cgi'];
const PORTS = ['any', '$HTTP_PORTS', '[25,465,587]', '445', '[1024:65535]', '21', '3389', '8080'];

/**
 * A ruleset like those that people load: signatures of HTTP, TLS, DNS, SMB, mail and plain TCP with several contents each, a
 * quarter with a regular expression, a few with flow bits and thresholds, a tenth switched off. For an edition always
 * the same text; another edition has other patterns.
 * @param count rules that are switched on
 */
export function manyRules(count: number, edition = 0): string {
  const roll = dice(20_260_101 + edition);
  const pick = <T>(list: readonly T[]): T => list[roll(list.length)] as T;
  const word = (parts: number): string => Array.from({ length: parts }, () => pick(SYLLABLES)).join('');
  const hex = (bytes: number): string =>
    Array.from({ length: bytes }, () => roll(256).toString(16).padStart(2, '0')).join(' ');
  const domain = (): string => `${word(2 + roll(3))}${String(roll(1000))}.${pick(TOP_LEVEL)}`;
  const path = (): string => `/${word(2)}/${word(2 + roll(2))}${String(roll(100))}.${pick(EXTENSIONS)}`;

  const http = (): [string, string] => [
    `alert http $HOME_NET any -> $EXTERNAL_NET any`,
    [
      'flow:established,to_server',
      `http.method; content:"${pick(['GET', 'POST'])}"`,
      `http.uri; content:"${path()}"; fast_pattern; content:"${word(1)}="; distance:0`,
      ...(roll(3) === 0 ? [`pcre:"/^\\/[a-z]{2,9}\\/${word(2)}\\d+\\?${word(1)}=[a-f0-9]{8,32}$/U"`] : []),
      ...(roll(3) === 0
        ? [`http.user_agent; content:"${word(3)}/${String(roll(9))}.${String(roll(30))}"`]
        : []),
      ...(roll(4) === 0 ? [`http.host; content:"${domain()}"; endswith`] : []),
    ].join('; '),
  ];
  const inbound = (): [string, string] => [
    `alert http $EXTERNAL_NET any -> $HTTP_SERVERS any`,
    [
      'flow:established,to_server',
      `http.uri; content:"${path()}"; nocase; content:"${word(2)}="; nocase; distance:0`,
      `pcre:"/${word(2)}=[^&]*(?:select|union|script|\\.\\.\\/)/Ui"`,
      ...(roll(2) === 0
        ? [`http.request_body; content:"${word(3)}"; content:"|${hex(3)}|"; distance:0`]
        : []),
    ].join('; '),
  ];
  const tls = (): [string, string] => [
    'alert tls $HOME_NET any -> $EXTERNAL_NET any',
    `flow:established,to_server; tls.sni; dotprefix; content:".${domain()}"; nocase; endswith; fast_pattern`,
  ];
  const dns = (): [string, string] => [
    'alert dns $HOME_NET any -> any any',
    `dns.query; dotprefix; content:".${domain()}"; nocase; endswith`,
  ];
  const smb = (): [string, string] => [
    'alert smb any any -> $HOME_NET any',
    `flow:established,to_server; content:"|${hex(4)}|"; offset:4; depth:${String(8 + roll(40))}; content:"${word(3)}"; distance:${String(roll(12))}; within:${String(40 + roll(60))}`,
  ];
  const mail = (): [string, string] => [
    'alert smtp any any -> $SMTP_SERVERS [25,465,587]',
    `flow:established,to_server; content:"${word(2)}@${domain()}"; nocase; content:"filename=|22|${word(2)}."; distance:0`,
  ];
  const file = (): [string, string] => [
    'alert http $EXTERNAL_NET any -> $HOME_NET any',
    `flow:established,to_client; file.data; content:"|${hex(4)}|"; depth:${String(16 + roll(64))}; content:"${word(4)}"; fast_pattern; distance:0; within:${String(200 + roll(300))}`,
  ];
  const tcp = (): [string, string] => [
    `alert tcp $EXTERNAL_NET any -> $HOME_NET ${pick(PORTS)}`,
    [
      'flow:established,to_server',
      `content:"|${hex(4 + roll(4))}|"; depth:${String(12 + roll(60))}; content:"${word(3)}"; distance:${String(roll(20))}`,
      ...(roll(6) === 0 ? [`byte_test:2,>,${String(roll(900))},0,relative`] : []),
      ...(roll(8) === 0
        ? [`threshold:type limit, track by_src, count 1, seconds ${String(60 + roll(300))}`]
        : []),
    ].join('; '),
  ];
  const kinds = [
    http,
    http,
    http,
    http,
    inbound,
    inbound,
    tls,
    tls,
    tls,
    dns,
    dns,
    dns,
    smb,
    mail,
    file,
    tcp,
    tcp,
  ];

  const lines = ['# Made by test/support/many-rules.ts; it says nothing about anybody.'];
  let on = 0;
  for (let sid = MANY_RULES_FIRST_SID; on < count; sid += 1) {
    const [family, classtype, target] = pick(FAMILIES);
    const [head, body] = pick(kinds)();
    const year = String(2015 + roll(11));
    const metadata = `attack_target ${target}, created_at ${year}_0${String(1 + roll(9))}_1${String(roll(9))}, deployment Perimeter, performance_impact Low, signature_severity Major`;
    const off = roll(10) === 0;
    if (!off) on += 1;
    lines.push(
      `${off ? '# ' : ''}${head} (msg:"${family} ${word(3)} ${word(2)} activity (${String(sid)})"; ${body}; reference:url,research.example/${word(3)}/${String(sid)}; classtype:${classtype}; metadata:${metadata}; sid:${String(sid)}; rev:${String(1 + roll(6))};)`,
    );
  }
  return `${lines.join('\n')}\n`;
}
