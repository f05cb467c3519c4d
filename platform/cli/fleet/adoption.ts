import type { AdoptionCodeReply, AdoptionCodeView, Group, GroupDetail } from '@bulkhead/fleet-api';
import type { Command } from 'commander';
import { stringify } from 'yaml';
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

interface AdoptOptions {
  name?: string;
  group?: string;
  replaces?: string;
  expires: string;
}

const WEEK_MINUTES = 7 * 24 * 60;

/** How sensors come into the fleet, and into groups. */
export function adoptionCommands(fleet: Command, act: FleetAction): void {
  fleet
    .command('adopt')
    .description('make a code with which one sensor joins; it is shown this once')
    .option('--name <name>', 'what the sensor will be called')
    .option('--group <group>', 'the group it will belong to, by name or id')
    .option(
      '--replaces <sensor>',
      'new hardware takes the place of this sensor, with its name, group and configuration',
    )
    .option('--expires <minutes>', 'how long the code can be used', '60')
    .action(act(adopt));
  const codes = topic(fleet, 'codes', 'adoption codes that can still be used');
  codes.command('list', { isDefault: true }).description('who made them, until when').action(act(listCodes));
  codes
    .command('revoke')
    .argument('<id>', 'of the code: c_…')
    .description('nobody can join with it any more')
    .action(act(revokeCode));
  const groups = topic(fleet, 'groups', 'groups of sensors, and what they lay over the configuration');
  groups.command('list', { isDefault: true }).description('all groups').action(act(listGroups));
  groups
    .command('show')
    .argument('<group>', 'its name or id')
    .description("the group's part of the configuration, and its last changes")
    .action(act(showGroup));
  groups
    .command('create')
    .argument('<name>', 'one line of text')
    .description('make a group')
    .option('--description <text>', 'what it is for', '')
    .action(act(createGroup));
  groups
    .command('delete')
    .argument('<group>', 'its name or id')
    .description('delete a group; its sensors stay, without what it laid over them')
    .option('--yes', 'do it')
    .action(act(deleteGroup));
}

const adopt: FleetWork = async (fleet, options, own: AdoptOptions) => {
  const expiresInS = 60 * wholeNumber(own.expires, '--expires', 1, WEEK_MINUTES);
  const answer = await fleet.send<AdoptionCodeReply>('POST', '/adoption-codes', {
    expiresInS,
    ...(own.name === undefined ? {} : { name: own.name }),
    ...(own.group === undefined ? {} : { group: (await groupOf(fleet, own.group)).id }),
    ...(own.replaces === undefined ? {} : { replaces: (await sensorOf(fleet, own.replaces)).id }),
  });
  const text = [
    `code         ${answer.code}`,
    `until        ${moment(answer.expiresAt)}`,
    `join token   ${answer.joinToken}`,
    '',
    'On the sensor:',
    `  ${answer.command}`,
    '',
  ];
  print(options, answer, text.join('\n'));
  return EXIT.ok;
};

const listCodes: FleetWork = async (fleet, options) => {
  const answer = await fleet.get<{ codes: AdoptionCodeView[] }>('/adoption-codes');
  const rows = answer.codes.map((code) => [
    code.id,
    plain(code.name ?? '-'),
    plain(code.createdBy),
    moment(code.expiresAt),
    code.replaces ?? code.group ?? '',
  ]);
  const text =
    rows.length === 0 ? 'no codes wait\n' : `${table([['ID', 'NAME', 'MADE BY', 'UNTIL', ''], ...rows])}\n`;
  print(options, answer, text);
  return EXIT.ok;
};

const revokeCode: FleetWork = async (fleet, options, id: string) => {
  const answer = await fleet.send('DELETE', `/adoption-codes/${encodeURIComponent(id)}`);
  print(options, answer, `${plain(id)} cannot be used any more\n`);
  return EXIT.ok;
};

const listGroups: FleetWork = async (fleet, options) => {
  const answer = await fleet.get<{ groups: Group[] }>('/groups');
  const rows = answer.groups.map(({ name, sensors, revision, description, id }) => [
    plain(name),
    String(sensors),
    revision === 0 ? '-' : `revision ${String(revision)}`,
    id,
    plain(description, 80),
  ]);
  const text =
    rows.length === 0
      ? 'no groups\n'
      : `${table([['GROUP', 'SENSORS', 'CONFIGURATION', 'ID', ''], ...rows])}\n`;
  print(options, answer, text);
  return EXIT.ok;
};

const showGroup: FleetWork = async (fleet, options, given: string) => {
  const { id } = await groupOf(fleet, given);
  const group = await fleet.get<GroupDetail>(`/groups/${id}`);
  const revisions = group.revisions.map(({ number, at, author, reason }) => [
    `  ${String(number)}`,
    moment(at),
    plain(author),
    plain(reason),
  ]);
  const text = [
    `${plain(group.name)} (${group.id}): ${String(group.sensors)} sensors`,
    ...(group.description === '' ? [] : [plain(group.description, 1000)]),
    ...(Object.keys(group.config).length === 0
      ? ['It lays nothing over the configuration.']
      : ['It lays over the configuration:', stringify(group.config).trimEnd()]),
    ...(revisions.length === 0 ? [] : ['Changes:', table(revisions)]),
    '',
  ];
  print(options, group, text.join('\n'));
  return EXIT.ok;
};

const createGroup: FleetWork = async (fleet, options, name: string, own: { description: string }) => {
  const group = await fleet.send<Group>('POST', '/groups', { name, description: own.description });
  print(options, group, `${plain(group.name)} is group ${group.id}\n`);
  return EXIT.ok;
};

const deleteGroup: FleetWork = async (fleet, options, given: string, own: { yes?: boolean }) => {
  const { id, name, sensors } = await groupOf(fleet, given);
  confirmed(
    own.yes,
    `The group ${plain(name)} would be deleted; ${String(sensors)} sensors would lose what it lays over their configuration.`,
  );
  const answer = await fleet.send('DELETE', `/groups/${id}`);
  print(options, answer, `${plain(name)} is deleted\n`);
  return EXIT.ok;
};
