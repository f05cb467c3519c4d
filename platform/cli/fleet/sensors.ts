import type { Sensor, SensorDetail, SensorOutcome, SensorStatusReply } from '@bulkhead/fleet-api';
import type { Command } from 'commander';
import { topic } from '../command-group.ts';
import { EXIT } from '../exit-codes.ts';
import { table } from '../wording.ts';
import {
  confirmed,
  moment,
  plain,
  print,
  wholeNumber,
  type FleetAction,
  type FleetWork,
} from './fleet-action.ts';
import { groupOf, sensorOf } from './lookup.ts';

interface ListOptions {
  group?: string;
  tag?: string;
  search?: string;
}

/** Which sensors there are, how they are, and who of them may stay. */
export function sensorsCommands(fleet: Command, act: FleetAction): void {
  const sensors = topic(fleet, 'sensors', 'the sensors of the fleet that you may see');
  sensors
    .command('list', { isDefault: true })
    .description('all sensors: state, version, group, configuration, last seen')
    .option('--group <group>', 'of this group, by name or id')
    .option('--tag <tag>', 'with this tag')
    .option('--search <text>', 'with this in name, tags or notes')
    .action(act(list));
  sensors
    .command('show')
    .argument('<sensor>', 'its name or id')
    .description('one sensor: link, certificate, what needs attention, monitor interfaces, instruments')
    .action(act(show));
  fleet
    .command('revoke')
    .argument('<sensor>', 'its name or id')
    .description('throw a sensor out of the fleet: its certificate is void at once')
    .requiredOption('--reason <text>', 'why, for the audit log')
    .option('--yes', 'do it')
    .action(act(revoke));
  for (const [verb, description] of [
    ['confirm-return', 'let a sensor in again that was away for longer than its certificate'],
    ['refuse-return', 'do not let it in'],
  ] as const) {
    fleet
      .command(verb)
      .argument('<sensor>', 'its name or id')
      .description(description)
      .option('--request <number>', 'which one, where several machines ask as the same sensor')
      .action(act(decide(verb)));
  }
}

const list: FleetWork = async (fleet, options, own: ListOptions) => {
  const group = own.group === undefined ? undefined : (await groupOf(fleet, own.group)).id;
  const answer = await fleet.get<{ sensors: Sensor[] }>('/sensors', { group, tag: own.tag, q: own.search });
  print(options, answer, sensorsText(answer.sensors));
  return EXIT.ok;
};

const show: FleetWork = async (fleet, options, given: string) => {
  const { id } = await sensorOf(fleet, given);
  const [sensor, status] = await Promise.all([
    fleet.get<SensorDetail>(`/sensors/${id}`),
    fleet.get<SensorStatusReply>(`/sensors/${id}/status`),
  ]);
  print(options, { sensor, ...status }, sensorText(sensor, status));
  return EXIT.ok;
};

const revoke: FleetWork = async (fleet, options, given: string, own: { reason: string; yes?: boolean }) => {
  const { id, name } = await sensorOf(fleet, given);
  confirmed(
    own.yes,
    `${name} would be thrown out: its link ends, its certificate is void, and only a new adoption brings it back. What it recorded stays.`,
  );
  const answer = await fleet.send<Sensor>('POST', `/sensors/${id}/revoke`, { reason: own.reason });
  print(options, answer, `${name} is revoked; it has no way into the fleet any more\n`);
  return EXIT.ok;
};

function decide(verb: 'confirm-return' | 'refuse-return'): FleetWork {
  return async (fleet, options, given: string, own: { request?: string }) => {
    const { id, name } = await sensorOf(fleet, given);
    const body = own.request === undefined ? {} : { request: wholeNumber(own.request, '--request') };
    const answer = await fleet.send('POST', `/sensors/${id}/${verb}`, body);
    const what = verb === 'confirm-return' ? 'may return; it comes by itself' : 'was not let in';
    print(options, answer, `${name} ${what}\n`);
    return EXIT.ok;
  };
}

export function standing(sensor: Sensor): string {
  if (sensor.state !== 'active') return sensor.state === 'mapping' ? 'to be mapped' : 'revoked';
  if (sensor.returns.some(({ state }) => state === 'waiting')) return 'asks to return';
  if (sensor.clone !== undefined) return 'there twice';
  return sensor.attached ? 'online' : 'OFFLINE';
}

function configText({ state, revision, applied, detail }: Sensor['config']): string {
  if (state === 'none') return 'its own';
  const number = revision === undefined ? '' : ` ${String(revision)}`;
  const now = state === 'applied' || applied === undefined ? '' : `, ${String(applied)} in force`;
  return plain(`${state}${number}${now}${detail === undefined ? '' : `: ${detail}`}`, 80);
}

function sensorsText(sensors: readonly Sensor[]): string {
  if (sensors.length === 0) return 'no sensors; `bulkhead fleet adopt` makes a code for the first\n';
  const rows = sensors.map((sensor) => [
    plain(sensor.name),
    standing(sensor),
    plain(sensor.version ?? '-', 30),
    plain(sensor.group?.name ?? '-', 40),
    configText(sensor.config),
    sensor.attached ? 'now' : moment(sensor.lastSeen),
    sensor.id,
  ]);
  return `${table([['SENSOR', 'STATE', 'VERSION', 'GROUP', 'CONFIGURATION', 'LAST SEEN', 'ID'], ...rows])}\n`;
}

function sensorText(sensor: SensorDetail, { link, status }: SensorStatusReply): string {
  const { certificate, hardware } = sensor;
  const waiting = sensor.returns.filter(({ state }) => state === 'waiting');
  const facts = [
    ['state', `${standing(sensor)}${link.since === undefined ? '' : ` since ${moment(link.since)}`}`],
    ['id', sensor.id],
    ['group', plain(sensor.group?.name ?? '-')],
    ['tags', plain(sensor.tags.join(', ') || '-')],
    ['version', plain(sensor.version ?? '-')],
    ['address', plain(sensor.address ?? '-')],
    [
      'machine',
      plain([hardware.hostname, hardware.product, hardware.kernel].filter(Boolean).join(', ') || '-'),
    ],
    ['adopted', moment(sensor.adoptedAt)],
    [
      'certificate',
      certificate === null
        ? 'none'
        : `until ${moment(certificate.notAfter)}${certificate.expired ? ' (EXPIRED)' : ''}`,
    ],
    ['configuration', configText(sensor.config)],
  ];
  const warnings = [
    ...waiting.map(
      (one) =>
        `asks to return (request ${String(one.id)}, from ${one.address}): bulkhead fleet confirm-return ${sensor.name}`,
    ),
    ...(sensor.clone === undefined ? [] : [sensor.clone.text]),
    ...(link.clockWrong ? ['its clock is wrong'] : []),
    ...(status?.attention ?? []),
  ];
  const monitors = (status?.monitors ?? []).map(
    ({ name, device, state, check }) =>
      `monitor interface ${plain(name)} (${plain(device ?? '?')}): ${plain(state ?? '?')}, detection check ${plain(check?.state ?? '?')}`,
  );
  return [
    plain(sensor.name),
    table(facts.map(([name = '', value = '']) => [`  ${name}`, value])),
    ...warnings.map((text) => `  ! ${plain(text, 500)}`),
    ...monitors,
    ...(status === undefined
      ? ['nothing is known of its instruments']
      : [instrumentsText(status.instruments)]),
    '',
  ].join('\n');
}

/** Instruments as any version of a sensor tells of them. */
export function instrumentsText(
  instruments: readonly {
    name: string;
    package?: string | undefined;
    version?: string | undefined;
    state?: string | undefined;
    health?: string | undefined;
    detail?: string | undefined;
  }[],
): string {
  if (instruments.length === 0) return 'no instruments';
  const rows = instruments.map((one) => [
    plain(one.name),
    plain(`${one.package ?? ''} ${one.version ?? ''}`),
    plain(one.state ?? '?'),
    plain(one.health ?? '?'),
    plain(one.detail, 120),
  ]);
  return table([['INSTRUMENT', 'PACKAGE', 'STATE', 'HEALTH', ''], ...rows]);
}

/** What became of an act for each sensor. */
export function outcomesText(outcomes: readonly SensorOutcome[]): string {
  if (outcomes.length === 0) return 'no sensor is concerned\n';
  const rows = outcomes.map(({ name, state, detail, revision }) => [
    plain(name),
    state,
    revision === undefined ? '' : `revision ${String(revision)}`,
    plain(detail, 300),
  ]);
  return `${table([['SENSOR', 'RESULT', '', ''], ...rows])}\n`;
}
