import { randomUUID } from 'node:crypto';
import { open, readFile, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { canonicalJson, keyFingerprint, reportText, verifyReport } from '../../data/index.ts';
import type { DataReport, Found, Hold, Purge, PurgeOutcome, SignedReport } from '../../data/index.ts';
import { BulkheadError } from '../../kernel/index.ts';
import type { SensorClient } from '../client.ts';
import { topic, type CommandGroup, type GlobalOptions } from '../command-group.ts';
import { EXIT } from '../exit-codes.ts';
import { foundText, holdsText, purgedText, purgesText } from './data-wording.ts';

const MAX_REPORT_BYTES = 64 * 1024 * 1024;

/** Which copies of data there are; what is about an address or a name: find, hold, purge. */
export const dataCommands: CommandGroup = ({ program, action }) => {
  const data = topic(program, 'data', 'copies of data: report, find, hold, purge');
  data
    .command('report')
    .description('every copy of data on this sensor: what, how old, which policy, who may read it')
    .option('--text', "people's text (the default; --json gives the signed form)")
    .option('--output <file>', 'write it there, with access for its owner only')
    .action(action(report));
  data
    .command('verify')
    .argument('<file>', 'what `data report --json --output` wrote')
    .option('--key <key>', "the sensor's public key, as `data key` shows it")
    .description('check the signature of a report; works without a sensor')
    .action(action(verify));
  data.command('key').description('the public key that signs reports').action(action(key));
  data
    .command('find')
    .argument('<subject>', 'an address, or the whole name of a host or user')
    .description('where there are records about an address or a name')
    .action(action(find));
  data
    .command('hold')
    .argument('<subject>', 'an address or a name')
    .description('keep its records from retention and purge')
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--release', 'end the hold')
    .action(action(hold));
  data.command('holds').description('what is held, why and by whom').action(action(holds));
  data
    .command('purge')
    .argument('<subject>', 'an address or a name')
    .description('delete its records wherever single records can be deleted')
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--yes', 'do not ask')
    .option('--request <id>', 'the id of an earlier request, to see it to its end')
    .action(action(purge));
  data.command('purges').description('deletions that are not finished').action(action(purges));
  data.command('check').description('compare ages with policies now').action(action(check));
  data
    .command('clock')
    .description("whether the sensor's clock is believed")
    .option('--confirm', 'it is right as it is')
    .action(action(clock));
};

async function report(
  client: SensorClient,
  options: GlobalOptions,
  own: { text?: boolean; output?: string },
): Promise<number> {
  const signed = (await client.get('/data/report')) as SignedReport<DataReport>;
  const asJson = options.json === true && own.text !== true;
  const content = `${asJson ? canonicalJson(signed) : reportText(signed)}\n`;
  if (own.output === undefined) process.stdout.write(content);
  else {
    await writePrivately(own.output, content);
    process.stdout.write(
      options.json === true ? `${JSON.stringify({ written: own.output })}\n` : `written to ${own.output}\n`,
    );
  }
  return signed.report.attention.length === 0 ? EXIT.ok : EXIT.failed;
}

async function verify(
  _client: SensorClient,
  options: GlobalOptions,
  file: string,
  own: { key?: string },
): Promise<number> {
  const { publicKey, report: content } = verifyReport(await readBounded(file), own.key);
  const result = {
    valid: true,
    sensor: content.sensor,
    time: content.time,
    publicKey,
    keyGiven: own.key !== undefined,
  };
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify(result)}\n`
      : `whole and signed: sensor ${printable(content.sensor)}, ${printable(content.time)}\nkey ${keyFingerprint(publicKey)}${own.key === undefined ? '\nThat it is the key of that sensor only its `bulkhead data key` can tell.' : ', the one that was given'}\n`,
  );
  return EXIT.ok;
}

async function key(client: SensorClient, options: GlobalOptions): Promise<number> {
  const answer = (await client.get('/data/key')) as { publicKey: string; fingerprint: string };
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify(answer)}\n`
      : `Ed25519 ${answer.publicKey}\nfingerprint ${answer.fingerprint}\n`,
  );
  return EXIT.ok;
}

async function find(client: SensorClient, options: GlobalOptions, subject: string): Promise<number> {
  const found = (await client.get('/data/find', { subject })) as Found;
  process.stdout.write(options.json === true ? `${JSON.stringify(found)}\n` : foundText(subject, found));
  return found.unanswered.length === 0 ? EXIT.ok : EXIT.failed;
}

async function hold(
  client: SensorClient,
  options: GlobalOptions,
  subject: string,
  own: { reason: string; release?: boolean },
): Promise<number> {
  const answer = (await client.post('/data/hold', {
    subject,
    hold: own.release !== true,
    reason: own.reason,
    by: operator(),
  })) as { untold: { source: string; error: string }[] };
  const done = own.release === true ? 'released' : 'held';
  const untold = answer.untold.map(
    ({ source, error }) => `  ${source} will be told when it answers: ${error}\n`,
  );
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ [done]: subject, ...answer })}\n`
      : `${done}: ${subject}\n${untold.join('')}`,
  );
  return EXIT.ok;
}

async function holds(client: SensorClient, options: GlobalOptions): Promise<number> {
  const answer = (await client.get('/data/holds')) as { holds: Hold[] };
  process.stdout.write(options.json === true ? `${JSON.stringify(answer.holds)}\n` : holdsText(answer.holds));
  return EXIT.ok;
}

async function purge(
  client: SensorClient,
  options: GlobalOptions,
  subject: string,
  own: { reason: string; yes?: boolean; request?: string },
): Promise<number> {
  if (own.yes !== true && !(await agreed(client, subject, options))) {
    process.stdout.write('nothing was deleted\n');
    return EXIT.failed;
  }
  const requestId = own.request ?? randomUUID();
  const body = { subject, reason: own.reason, by: operator(), requestId };
  const outcome = (await client.post('/data/purge', body)) as PurgeOutcome;
  process.stdout.write(options.json === true ? `${JSON.stringify(outcome)}\n` : purgedText(subject, outcome));
  return outcome.finished ? EXIT.ok : EXIT.failed;
}

async function purges(client: SensorClient, options: GlobalOptions): Promise<number> {
  const answer = (await client.get('/data/purges')) as {
    purges: (Omit<Purge, 'done'> & { done: string[] })[];
  };
  process.stdout.write(
    options.json === true ? `${JSON.stringify(answer.purges)}\n` : purgesText(answer.purges),
  );
  return EXIT.ok;
}

async function check(client: SensorClient, options: GlobalOptions): Promise<number> {
  const { attention } = (await client.post('/data/check')) as { attention: string[] };
  const text =
    attention.length === 0 ? 'nothing is overdue\n' : attention.map((line) => `! ${line}\n`).join('');
  process.stdout.write(options.json === true ? `${JSON.stringify({ attention })}\n` : text);
  return attention.length === 0 ? EXIT.ok : EXIT.failed;
}

async function clock(
  client: SensorClient,
  options: GlobalOptions,
  own: { confirm?: boolean },
): Promise<number> {
  if (own.confirm === true) await client.post('/data/clock/confirm');
  const { report: content } = (await client.get('/data/report')) as SignedReport<DataReport>;
  const { time, clockDoubt } = content;
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ time, believed: clockDoubt === undefined, ...(clockDoubt === undefined ? {} : { doubt: clockDoubt }) })}\n`
      : `${time}: ${clockDoubt === undefined ? 'believed' : `in doubt, ${clockDoubt}`}\n`,
  );
  return clockDoubt === undefined ? EXIT.ok : EXIT.failed;
}

/** Shows what there is, and asks. Without a terminal nobody can be asked. */
async function agreed(client: SensorClient, subject: string, options: GlobalOptions): Promise<boolean> {
  if (!process.stdin.isTTY || options.json === true) {
    throw new BulkheadError({
      code: 'CLI_USAGE',
      message: 'What is deleted cannot be brought back, and there is no terminal to ask on.',
      hint: 'Look with `bulkhead data find` first; then give --yes.',
    });
  }
  process.stdout.write(foundText(subject, (await client.get('/data/find', { subject })) as Found));
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await terminal.question('Delete this for ever? [y/N] ')).trim());
  } finally {
    terminal.close();
  }
}

/** Who asks, for the journal: whoever became root by sudo, else the user. */
function operator(): string {
  const sudo = process.env['SUDO_USER'];
  return (sudo === undefined || sudo === '' ? userInfo().username : `${sudo} (sudo)`).slice(0, 200);
}

async function writePrivately(path: string, content: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function readBounded(path: string): Promise<string> {
  try {
    const facts = await stat(path);
    if (facts.isFile() && facts.size <= MAX_REPORT_BYTES) return await readFile(path, 'utf8');
    throw new Error('it is not a file, or larger than a report can be');
  } catch (cause) {
    throw new BulkheadError({
      code: 'CLI_FILE_UNREADABLE',
      message: `${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: 'Name a file that `bulkhead data report --json --output FILE` wrote.',
      cause,
    });
  }
}

/** What a file claims, for a terminal. */
function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?').slice(0, 100);
}
