import { createHash, timingSafeEqual, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { request } from 'node:https';
import type { SessionState, Token } from '@bulkhead/fleet-api';
import type { Command } from 'commander';
import { isLoopbackHost } from '../../contracts/index.ts';
import { BulkheadError } from '../../kernel/index.ts';
import type { CommandParts, GlobalOptions } from '../command-group.ts';
import { EXIT } from '../exit-codes.ts';
import { askSecret } from '../secret-prompt.ts';
import { table } from '../wording.ts';
import { fleetClient, loginRefused } from './fleet-client.ts';
import { moment, plain, print, usage, type FleetAction, type FleetWork } from './fleet-action.ts';
import { loginFile, removeLogin, writeLogin } from './login-file.ts';

interface LoginOptions {
  ca?: string;
  fingerprint?: string;
  tokenFile?: string;
}

const FILE_BYTES_MOST = 64 << 10;
const CA_MS = 15_000;

/** `login`, `logout`, `whoami`. Nothing else holds the token itself. */
export function sessionCommands(fleet: Command, action: CommandParts['action'], act: FleetAction): void {
  fleet
    .command('login')
    .argument('<url>', 'where the fleet is: https://fleet.example.org:8443; http:// only on this machine')
    .description('log in to a fleet with an API token, for all commands that ask the fleet')
    .option('--fingerprint <text>', "of the fleet's authority: what stands behind # in its join tokens")
    .option('--ca <file>', "the certificate of the fleet's authority (PEM)")
    .option('--token-file <file>', 'read the token from this file, which only you may read')
    .addHelpText(
      'after',
      `
The token is typed in (it is not shown) or read from standard input. It is never taken from the command line, where others could
read it. People who are signed in make tokens on the page "API tokens"; one may do what they may, or less, until it expires.
A fleet with a certificate of its own authority is believed by --fingerprint or --ca; else the machine's trust decides.
The login is kept in ~/.config/bulkhead/fleet.json, for your eyes only.`,
    )
    .action(action((_sensor, options, url: string, own: LoginOptions) => login(options, url, own)));
  fleet
    .command('logout')
    .description('forget the login; the token itself stays valid until it expires or is revoked')
    .action(action((_sensor, options) => logout(options)));
  fleet
    .command('whoami')
    .description('where one is logged in, as whom, what the token may and until when')
    .action(act(whoami));
}

async function login(options: GlobalOptions, given: string, own: LoginOptions): Promise<number> {
  const url = fleetUrl(given);
  if (own.ca !== undefined && own.fingerprint !== undefined) throw usage('Give --ca or --fingerprint.');
  const ca =
    own.ca !== undefined
      ? certificateOf(await readShort(own.ca), own.ca)
      : own.fingerprint !== undefined
        ? await provenAuthority(url, own.fingerprint)
        : undefined;
  const token = await readToken(own.tokenFile);
  const fleet = fleetClient({ url, ca, token });
  try {
    const { person } = await fleet.get<SessionState>('/session');
    if (person === null) throw loginRefused(url);
    const name = plain(person.name, 80);
    const path = await writeLogin({ url, ...(ca === undefined ? {} : { ca }), token, name });
    print(options, { url, name, file: path }, `logged in to ${url} as ${name}; kept in ${path}\n`);
    return EXIT.ok;
  } finally {
    await fleet.close();
  }
}

const whoami: FleetWork = async (fleet, options) => {
  const [{ person }, { tokens }] = await Promise.all([
    fleet.get<SessionState>('/session'),
    fleet.get<{ tokens: Token[] }>('/tokens'),
  ]);
  const [token] = tokens;
  const roles = person?.roles.map(({ role }) => role).join(', ') ?? '';
  const rows = [
    ['fleet', fleet.url],
    ['person', plain(`${person?.name ?? '?'} (${roles})`)],
    ...(token === undefined
      ? []
      : [
          ['token', plain(`${token.id} ${token.label}`)],
          ['until', moment(token.expiresAt)],
          ['may', token.rights.join(', ')],
          ...(token.sensors === undefined ? [] : [['on sensors', token.sensors.join(', ')]]),
          ...(token.instruments === undefined ? [] : [['on instruments', token.instruments.join(', ')]]),
        ]),
  ];
  print(options, { url: fleet.url, person, token }, `${table(rows)}\n`);
  return EXIT.ok;
};

async function logout(options: GlobalOptions): Promise<number> {
  const was = await removeLogin();
  const text = was
    ? 'logged out; remove the token in the fleet too when nobody needs it any more\n'
    : `nobody was logged in (${loginFile()})\n`;
  print(options, { loggedOut: was }, text);
  return EXIT.ok;
}

/** @throws BulkheadError CLI_USAGE */
function fleetUrl(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '')
    throw usage(
      `${plain(given)} is not the address of a fleet.`,
      'It looks like https://fleet.example.org:8443',
    );
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname.replaceAll(/[[\]]/g, '')))
    throw usage('Without TLS a fleet is only reached on its own machine.', 'Use https://');
  return url.origin;
}

async function readToken(file: string | undefined): Promise<string> {
  const bytes = file === undefined ? await askSecret('API token: ', 'API token') : await tokenFile(file);
  const token = bytes.toString('utf8').trim();
  bytes.fill(0);
  if (!/^bh_[A-Za-z0-9_-]{16,256}$/.test(token))
    throw usage(
      'This is not an API token of a fleet: they begin with bh_.',
      'Copy all of it, and nothing else.',
    );
  return token;
}

async function tokenFile(file: string): Promise<Buffer> {
  const { mode } = await stat(file).catch((cause: unknown) => Promise.reject(unreadable(file, cause)));
  if ((mode & 0o077) !== 0)
    throw usage(`Others on this machine can read ${file}.`, `chmod 600 ${file}; better make another token.`);
  return Buffer.from(await readShort(file));
}

async function readShort(file: string): Promise<string> {
  try {
    if ((await stat(file)).size > FILE_BYTES_MOST) throw new Error('it is too large');
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

/** Asks who answers for its authority without believing anything, and believes it when the fingerprint is right. */
async function provenAuthority(url: string, fingerprint: string): Promise<string> {
  if (url.startsWith('http:')) throw usage('A fleet without TLS has no fingerprint to compare.');
  const expected = Buffer.from(fingerprint.trim(), 'base64url');
  if (expected.length !== 32) throw usage('--fingerprint is SHA-256 in base64url: 43 characters.');
  const pem = certificateOf(await unprovenAuthority(url), url);
  const actual = createHash('sha256').update(new X509Certificate(pem).raw).digest();
  if (timingSafeEqual(actual, expected)) return pem;
  throw new BulkheadError({
    code: 'CLI_FLEET_UNTRUSTED',
    message: `Who answers at ${url} is not that fleet: its authority has another fingerprint. Nothing was sent.`,
    hint: 'Somebody stands between, or the fingerprint is of another fleet. Compare it at the fleet.',
    fields: { url },
  });
}

function unprovenAuthority(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause);
      reject(
        new BulkheadError({
          code: 'CLI_FLEET_UNREACHABLE',
          message: `No fleet answers at ${url} (${why}).`,
          hint: 'See that fleetd runs, and that this machine may reach it.',
          fields: { url },
          cause,
        }),
      );
    };
    // Nobody is believed here: what comes is compared with the fingerprint, and no secret is sent.
    const asked = request(
      `${url}/api/v1/enrol/ca`,
      { rejectUnauthorized: false, timeout: CA_MS, agent: false },
      (reply) => {
        let text = '';
        reply.setEncoding('utf8');
        reply.on('data', (part: string) => {
          text += part;
          if (text.length > FILE_BYTES_MOST) asked.destroy(new Error('the answer is too large'));
        });
        reply.on('error', failed);
        reply.on('end', () => {
          try {
            resolve(String((JSON.parse(text) as { ca?: unknown }).ca));
          } catch (cause) {
            failed(cause);
          }
        });
      },
    );
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.on('error', failed);
    asked.end();
  });
}

function certificateOf(pem: string, where: string): string {
  try {
    return new X509Certificate(pem).toString();
  } catch (cause) {
    throw unreadable(where, cause);
  }
}

function unreadable(file: string, cause: unknown): BulkheadError {
  return new BulkheadError({
    code: 'CLI_FILE_UNREADABLE',
    message: `${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
    fields: { file },
    cause,
  });
}
