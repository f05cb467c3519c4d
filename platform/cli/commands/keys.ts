import { resolve } from 'node:path';
import { BulkheadError } from '../../kernel/index.ts';
import type { SensorClient } from '../client.ts';
import { topic, type CommandGroup, type GlobalOptions } from '../command-group.ts';
import { EXIT } from '../exit-codes.ts';
import { askNewSecret, askSecret } from '../secret-prompt.ts';
import { table } from '../wording.ts';

interface KeyAnswer {
  unlocked: boolean;
  mode: 'plain' | 'slots';
  slots: { id: number; kind: 'key-file' | 'passphrase' | 'recovery'; label: string; created: string }[];
  sensorKey?: string;
  /** Only while it is locked. */
  reason?: string;
}

interface RotationAnswer {
  skipped: string[];
}

/** The sensor key, and who can open it. */
export const keysCommands: CommandGroup = ({ program, action }) => {
  const keys = topic(program, 'keys', 'the sensor key, and the ways to open it');
  keys.command('status').description('locked or not, and every way to the key').action(action(status));
  keys
    .command('unlock')
    .description(
      'open a locked sensor; asks for a passphrase or recovery code, or reads it from standard input',
    )
    .action(action(unlock));
  keys
    .command('add-passphrase')
    .description('one more way: a passphrase, asked for at the terminal or read from standard input')
    .action(action(addPassphrase));
  keys
    .command('add-key-file')
    .argument('<file>', 'made when it is not there; the folder, e.g. of a mounted stick, must be')
    .description('one more way: a key file, e.g. on another medium')
    .action(action(addKeyFile));
  keys
    .command('export-recovery')
    .description('one more way: a recovery code, shown once, to be printed and locked away')
    .action(action(exportRecovery));
  keys
    .command('remove-slot')
    .argument('<number>', 'as `keys status` lists it')
    .description('take one way away and replace the sensor key; the last way cannot be removed')
    .action(action(removeSlot));
  keys
    .command('rotate')
    .description('replace the sensor key; no data is rewritten, instruments run on')
    .action(action(rotate));
};

async function status(client: SensorClient, options: GlobalOptions): Promise<number> {
  const answer = (await client.get('/keys')) as KeyAnswer;
  process.stdout.write(options.json === true ? `${JSON.stringify(answer)}\n` : statusText(answer));
  return answer.unlocked ? EXIT.ok : EXIT.failed;
}

async function unlock(client: SensorClient, options: GlobalOptions): Promise<number> {
  const { unlocked } = (await client.get('/keys')) as KeyAnswer;
  if (!unlocked) await sent(client, '/keys/unlock', await askSecret('Passphrase or recovery code: '));
  say(
    options,
    { unlocked: true },
    unlocked ? 'the sensor is unlocked already\n' : 'the sensor is unlocked and starts\n',
  );
  return EXIT.ok;
}

async function addPassphrase(client: SensorClient, options: GlobalOptions): Promise<number> {
  const secret = await askNewSecret('New passphrase (five or more random words): ');
  const slot = (await sent(client, '/keys/slots/passphrase', secret)) as { id: number };
  say(options, slot, `slot ${String(slot.id)}: this passphrase opens the sensor from now on\n`);
  return EXIT.ok;
}

async function addKeyFile(client: SensorClient, options: GlobalOptions, file: string): Promise<number> {
  const path = resolve(file);
  const slot = (await client.post('/keys/slots/key-file', { path })) as { id: number };
  say(
    options,
    slot,
    `slot ${String(slot.id)}: ${path} opens the sensor from now on; name it with --key-file when sensord starts\n`,
  );
  return EXIT.ok;
}

async function exportRecovery(client: SensorClient, options: GlobalOptions): Promise<number> {
  const slot = (await client.post('/keys/slots/recovery')) as { id: number; code: string };
  const text = [
    `Recovery code (slot ${String(slot.id)}), shown only now:`,
    '',
    `    ${slot.code}`,
    '',
    'Print it or write it down and lock it away, apart from the sensor. `bulkhead keys unlock` takes it like a passphrase.',
    '',
  ];
  say(options, slot, text.join('\n'));
  return EXIT.ok;
}

async function removeSlot(client: SensorClient, options: GlobalOptions, number: string): Promise<number> {
  if (!/^[1-9][0-9]{0,3}$/.test(number)) {
    throw new BulkheadError({
      code: 'CLI_USAGE',
      message: 'The slot must be a number.',
      hint: '`bulkhead keys status` lists them.',
    });
  }
  const answer = (await client.post(`/keys/slots/${number}/remove`)) as RotationAnswer;
  return rotated(options, answer, `slot ${number} was removed, and the sensor key replaced\n`);
}

async function rotate(client: SensorClient, options: GlobalOptions): Promise<number> {
  const answer = (await client.post('/keys/rotate')) as RotationAnswer;
  return rotated(options, answer, 'the sensor key was replaced; every way to it stays as it is\n');
}

function rotated(options: GlobalOptions, answer: RotationAnswer, text: string): number {
  const left = answer.skipped.map((line) => `left as it was, it could not be opened: ${line}\n`).join('');
  say(options, answer, `${text}${left}`);
  return answer.skipped.length === 0 ? EXIT.ok : EXIT.failed;
}

async function sent(client: SensorClient, path: string, secret: Buffer): Promise<unknown> {
  try {
    return await client.postSecret(path, secret);
  } finally {
    secret.fill(0);
  }
}

function say(options: GlobalOptions, value: unknown, text: string): void {
  process.stdout.write(options.json === true ? `${JSON.stringify(value)}\n` : text);
}

function statusText({ unlocked, mode, slots, sensorKey, reason }: KeyAnswer): string {
  const head = unlocked
    ? `unlocked; sensor key ${sensorKey ?? ''}\n`
    : `locked: ${reason ?? 'no reason known'}\nNothing that was stored can be read, and no instrument is started.\n`;
  if (mode === 'plain') {
    return `${head}The key file is the only way to it. Whoever has it and the disk reads everything; without it everything is lost.\n`;
  }
  const rows = slots.map(({ id, kind, label, created }) => [
    String(id),
    kind,
    created.slice(0, 10),
    kind === 'key-file' ? label : '',
  ]);
  return `${head}${table([['SLOT', 'KIND', 'ADDED', ''], ...rows])}\n`;
}
