/** Where an attack starts: the attacker outside, or the infected machine among the clients. */
export type AttackOrigin = 'outside' | 'client';

/** One thing an IDS must flag; what is on the wire stands in this folder's README. */
export interface AttackKind {
  readonly kind: string;
  readonly from: AttackOrigin;
  /** For people. */
  readonly title: string;
}

/** Every kind, in the order in which a whole attack runs. */
export const ATTACKS = [
  { kind: 'port-scan', from: 'outside', title: 'port scan of the server' },
  { kind: 'path-traversal', from: 'outside', title: 'path traversal over HTTP' },
  { kind: 'path-traversal-ipv6', from: 'outside', title: 'path traversal over HTTP and IPv6' },
  { kind: 'sql-injection', from: 'outside', title: 'SQL injection with sqlmap' },
  { kind: 'log4shell', from: 'outside', title: 'Log4Shell look-up in HTTP headers' },
  { kind: 'shellshock', from: 'outside', title: 'Shellshock against a CGI script' },
  { kind: 'web-shell', from: 'outside', title: 'command through a web shell' },
  { kind: 'reverse-shell', from: 'outside', title: 'reverse shell of the server' },
  { kind: 'ssh-brute-force', from: 'outside', title: 'SSH password guessing' },
  { kind: 'telnet-login', from: 'outside', title: 'telnet password guessing' },
  { kind: 'cleartext-credentials', from: 'client', title: 'passwords in clear (FTP, HTTP Basic)' },
  { kind: 'dns-tunnel', from: 'client', title: 'data smuggled out in DNS names' },
  { kind: 'dns-dga', from: 'client', title: 'look-ups of generated domain names' },
  { kind: 'dns-bad-name', from: 'client', title: 'look-up of a known bad name' },
  { kind: 'tls-bad-sni', from: 'client', title: 'TLS to a command-and-control server' },
  { kind: 'eicar-download', from: 'client', title: 'download of the EICAR test file' },
] as const satisfies readonly AttackKind[];

export type AttackName = (typeof ATTACKS)[number]['kind'];
