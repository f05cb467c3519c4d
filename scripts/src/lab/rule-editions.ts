import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@bulkhead/platform/kernel';
import { HOSTS } from './layout.ts';

/**
 * What the rule source can serve: a first ruleset, a later one with a rule more, and one in which a rule does not compile.
 */
export const RULE_EDITIONS = ['first', 'second', 'broken'] as const;
export type RuleEdition = (typeof RULE_EDITIONS)[number];

/** Signature ids of the lab's rules; none of them is among the sensor's own. */
export const LAB_RULES = Object.freeze({
  /** What the infected machine says to the command-and-control server (attack `tls-bad-sni`). */
  commandAndControl: 6_600_001,
  /** The download of the payload (attack `eicar-download`). */
  payload: 6_600_002,
  /** Only in the second edition (attack `shellshock`). */
  status: 6_600_003,
});

const COMMAND_AND_CONTROL = `alert tls $HOME_NET any -> any any (msg:"LAB TLS to the command-and-control server"; flow:established,to_server; tls.sni; content:"${HOSTS.commandAndControl}"; nocase; endswith; classtype:domain-c2; metadata:attack_target Client_Endpoint; sid:${String(LAB_RULES.commandAndControl)}; rev:1;)`;
const PAYLOAD = `alert http $HOME_NET any -> any any (msg:"LAB payload fetched"; flow:established,to_server; http.uri; content:"/invoice.com"; endswith; classtype:trojan-activity; metadata:attack_target Client_Endpoint; sid:${String(LAB_RULES.payload)}; rev:1;)`;
const STATUS = `alert http any any -> $HOME_NET any (msg:"LAB status script called"; flow:established,to_server; http.uri; content:"/cgi-bin/status"; classtype:web-application-attack; metadata:attack_target Web_Server; sid:${String(LAB_RULES.status)}; rev:1;)`;
/** A rule as far as anybody but the IDS can tell. */
const BROKEN = `alert http any any -> any any (msg:"LAB rule that no IDS takes"; http.uri; content:"/x"; no_such_keyword:1; sid:${String(LAB_RULES.status)}; rev:2;)`;

const FILES: Readonly<Record<RuleEdition, Readonly<Record<string, string>>>> = {
  first: { 'lab-names.rules': COMMAND_AND_CONTROL, 'lab-files.rules': PAYLOAD },
  second: { 'lab-names.rules': COMMAND_AND_CONTROL, 'lab-files.rules': PAYLOAD, 'lab-web.rules': STATUS },
  broken: { 'lab-names.rules': COMMAND_AND_CONTROL, 'lab-web.rules': BROKEN },
};

/** Packs each edition as people publish rules: `<dir>/<edition>.tar.gz` with `rules/*.rules` in it. */
export async function packEditions(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o755 });
  await Promise.all(
    RULE_EDITIONS.map(async (edition) => {
      const folder = join(dir, edition);
      await mkdir(join(folder, 'rules'), { recursive: true });
      for (const [name, text] of Object.entries(FILES[edition])) {
        await writeFile(join(folder, 'rules', name), `# Rules of the lab, ${edition} edition.\n${text}\n`);
      }
      const plain = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@1767225600'];
      await run('tar', ['-czf', join(dir, `${edition}.tar.gz`), ...plain, '-C', folder, 'rules']);
      await rm(folder, { recursive: true });
    }),
  );
}
