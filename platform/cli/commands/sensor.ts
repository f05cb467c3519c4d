import { topic, type CommandGroup, type GlobalOptions } from '../command-group.ts';
import type { SensorClient } from '../client.ts';
import { tailEvents } from '../events.ts';
import { EXIT } from '../exit-codes.ts';
import { instrumentsText, statusText } from '../wording.ts';

/** The sensor, its events as they come, its instruments and what they write. */
export const sensorCommands: CommandGroup = ({ program, action }) => {
  program.command('status').description('the sensor at a glance').action(action(showStatus));
  const events = topic(program, 'events', 'stored events');
  events
    .command('tail')
    .description('follow events as they are stored')
    .option('--type <type>', 'only this type, e.g. alert')
    .option('--instrument <name>', 'only from this instrument (platform: the sensor itself)')
    .option('--last <count>', 'first show the newest COUNT stored ones', '10')
    .option('--since <time>', 'first show all stored since this time (ISO 8601)')
    .option('--no-follow', 'end after the stored ones')
    .action(action(tailEvents));
  const instrument = topic(program, 'instrument', 'instruments');
  instrument
    .command('list')
    .description('all instruments with state and health')
    .action(action(listInstruments));
  program
    .command('logs')
    .argument('<instrument>')
    .description('what an instrument wrote to its console')
    .option('--lines <count>', 'at most this many lines', '200')
    .action(action(showLog));
  program
    .command('restart')
    .argument('<instrument>')
    .description('restart an instrument; also releases one that is held')
    .action(action(restart));
};

async function showStatus(client: SensorClient, options: GlobalOptions): Promise<number> {
  const status = await client.status();
  process.stdout.write(`${options.json === true ? JSON.stringify(status) : statusText(status)}\n`);
  return status.healthy ? EXIT.ok : EXIT.failed;
}

async function listInstruments(client: SensorClient, options: GlobalOptions): Promise<number> {
  const { instruments } = await client.status();
  process.stdout.write(
    `${options.json === true ? JSON.stringify(instruments) : instrumentsText(instruments)}\n`,
  );
  return EXIT.ok;
}

async function showLog(
  client: SensorClient,
  options: GlobalOptions,
  name: string,
  own: { lines: string },
): Promise<number> {
  const lines = await client.instrumentLog(name, Number(own.lines));
  process.stdout.write(
    options.json === true ? `${JSON.stringify(lines)}\n` : lines.map((line) => `${line}\n`).join(''),
  );
  return EXIT.ok;
}

async function restart(client: SensorClient, options: GlobalOptions, name: string): Promise<number> {
  await client.restart(name);
  process.stdout.write(
    options.json === true ? `${JSON.stringify({ restarted: name })}\n` : `restarted ${name}\n`,
  );
  return EXIT.ok;
}
