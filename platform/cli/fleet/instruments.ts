import type { Sensor, SensorStatusReply } from '@bulkhead/fleet-api';
import type { Command } from 'commander';
import type { GrantChangeResult, GrantsReport } from '../../contracts/index.ts';
import { topic } from '../command-group.ts';
import { changeText, grantsText } from '../commands/grants-wording.ts';
import { EXIT } from '../exit-codes.ts';
import { plain, print, usage, wholeNumber, type FleetAction, type FleetWork } from './fleet-action.ts';
import { sensorApi, sensorOf } from './lookup.ts';
import { instrumentsText } from './sensors.ts';

interface GrantOptions {
  all?: boolean;
  reason?: string;
}

/** Instruments of one sensor: what they do, what they may. The sensor must be connected. */
export function instrumentsCommands(fleet: Command, act: FleetAction): void {
  const on = (parent: Command, name: string) => parent.command(name).argument('<sensor>', 'its name or id');
  on(fleet, 'instruments')
    .description('state and health of each instrument of a sensor')
    .action(act(instruments));
  on(fleet, 'restart')
    .argument('<instrument>', 'its name')
    .description('restart an instrument; it sees nothing meanwhile')
    .action(act(restart));
  on(fleet, 'logs')
    .argument('<instrument>', 'its name')
    .description('what an instrument wrote to its console')
    .option('--lines <count>', 'so many of the last lines', '100')
    .action(act(logs));
  const grants = topic(fleet, 'grants', 'what instruments of a sensor ask for, and what they were given');
  on(grants, 'show')
    .argument('[instrument]', 'only this one')
    .description('what was given, by whom and why; what is asked for and not given')
    .action(act(showGrants));
  for (const verb of ['give', 'revoke'] as const) {
    on(grants, verb)
      .argument('<instrument>', 'whose rights')
      .argument('[rights...]', 'which rights, named as `grants show` prints them')
      .description(
        verb === 'give'
          ? 'give rights that the package of the instrument asks for'
          : 'take rights away; ends what uses them within a second',
      )
      .option('--all', verb === 'give' ? 'everything that it asks for' : 'everything that it was given')
      .option('--reason <text>', 'why, for the history')
      .action(act(change(verb)));
  }
}

const instruments: FleetWork = async (fleet, options, given: string) => {
  const { id, name } = await sensorOf(fleet, given);
  const { link, status } = await fleet.get<SensorStatusReply>(`/sensors/${id}/status`);
  const list = status?.instruments ?? [];
  if (!link.attached && options.json !== true)
    process.stderr.write(`${name} is offline: this is what it said last\n`);
  print(options, { sensor: id, attached: link.attached, instruments: list }, `${instrumentsText(list)}\n`);
  return EXIT.ok;
};

const restart: FleetWork = async (fleet, options, given: string, instrument: string) => {
  const sensor = await sensorOf(fleet, given);
  const answer = await fleet.send('POST', sensorApi(sensor, `/instruments/${part(instrument)}/restart`));
  print(options, answer, `${instrument} on ${sensor.name} is restarted\n`);
  return EXIT.ok;
};

const logs: FleetWork = async (fleet, options, given: string, instrument: string, own: { lines: string }) => {
  const sensor = await sensorOf(fleet, given);
  const lines = String(wholeNumber(own.lines, '--lines', 1, 10_000));
  const answer = await fleet.get<{ lines: string[] }>(
    sensorApi(sensor, `/instruments/${part(instrument)}/log`),
    {
      lines,
    },
  );
  print(options, answer, answer.lines.map((line) => `${plain(line, 4_000)}\n`).join(''));
  return EXIT.ok;
};

const showGrants: FleetWork = async (fleet, options, given: string, instrument: string | undefined) => {
  const sensor = await sensorOf(fleet, given);
  const report = await fleet.get<GrantsReport>(sensorApi(sensor, '/grants'), {
    instrument: instrument === undefined ? undefined : part(instrument),
  });
  print(options, report, () => atFleet(sensor, grantsText(report)));
  return EXIT.ok;
};

function change(verb: 'give' | 'revoke'): FleetWork {
  return async (fleet, options, given: string, instrument: string, rights: string[], own: GrantOptions) => {
    if (rights.length > 0 === (own.all === true))
      throw usage('Name rights, or give --all.', `See \`bulkhead fleet grants ${verb} --help\`.`);
    const sensor = await sensorOf(fleet, given);
    const what = own.all === true ? '--all' : rights.join(' ');
    // Who asks is written down by the fleet and the sensor: it is whom the token acts for.
    const answer = await fleet.send<GrantChangeResult>('POST', sensorApi(sensor, `/grants/${verb}`), {
      instrument: part(instrument),
      ...(own.all === true ? { all: true } : { rights }),
      reason: own.reason ?? `grants ${verb} ${instrument} ${what}`,
    });
    print(options, answer, () => atFleet(sensor, changeText(verb, answer)));
    return EXIT.ok;
  };
}

/** The sensor's own words name the commands that one would give there. */
function atFleet({ name }: Sensor, text: string): string {
  return text
    .replaceAll(/[^\n\P{Cc}]/gu, ' ')
    .replaceAll(/\bbulkhead grants (give|revoke|show)\b/g, `bulkhead fleet grants $1 ${name}`);
}

/** A name that becomes a part of an address. @throws BulkheadError CLI_USAGE */
function part(name: string): string {
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name))
    throw usage(`${plain(name, 60)} is not the name of an instrument.`);
  return name;
}
