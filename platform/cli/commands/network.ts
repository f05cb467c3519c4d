import type { ActivePortReport, ActiveReport } from '../../contracts/index.ts';
import { BulkheadError } from '../../kernel/index.ts';
import type { SensorClient } from '../client.ts';
import { topic, type CommandGroup, type GlobalOptions } from '../command-group.ts';
import { EXIT } from '../exit-codes.ts';
import { table } from '../wording.ts';

/** What instruments may reach through the network, and what they were refused. */
export const networkCommands: CommandGroup = ({ program, action }) => {
  topic(program, 'network', 'ways out of instruments')
    .command('active')
    .argument('[instrument]', 'only the active interfaces of this instrument')
    .description(
      'what each instrument may reach through its active interfaces, what it sent, and what was refused',
    )
    .addHelpText(
      'after',
      `
refused: to where it may not send. spoofed: with an address that is not its own. protocol: neither ARP nor whole IPv4 packets.
unwanted: to the instrument, from where it may not reach. Exit code 1: an interface is down; 4: there is no such instrument.`,
    )
    .action(action(showActive));
};

async function showActive(
  client: SensorClient,
  options: GlobalOptions,
  instrument: string | undefined,
): Promise<number> {
  const report = (await client.get('/active')) as ActiveReport;
  const ports = report.ports.filter((port) => instrument === undefined || port.instrument === instrument);
  if (instrument !== undefined && ports.length === 0) {
    throw new BulkheadError({
      code: 'SENSORD_INSTRUMENT_UNKNOWN',
      message: `No instrument ${instrument} with an active interface runs on this sensor.`,
      hint: `Those that do: ${[...new Set(report.ports.map((port) => port.instrument))].join(', ') || 'none'}.`,
      fields: { instrument },
    });
  }
  process.stdout.write(`${options.json === true ? JSON.stringify({ ports }) : activeText(ports)}\n`);
  return ports.every(({ up, faults }) => up && faults.length === 0) ? EXIT.ok : EXIT.failed;
}

/** Active interfaces for people. */
export function activeText(ports: readonly ActivePortReport[]): string {
  if (ports.length === 0) return 'No instrument that runs has an active interface.';
  return ports.map(portText).join('\n\n');
}

function portText(port: ActivePortReport): string {
  const vlan = port.vlan === undefined ? '' : `, VLAN ${String(port.vlan)}`;
  const address = port.addresses.join(', ') || 'no address yet';
  const { counts } = port;
  const rows = Object.entries(counts).map(([name, { packets, bytes }]) => [
    '  ',
    name,
    packets.toLocaleString('en-US'),
    `${bytes.toLocaleString('en-US')} bytes`,
  ]);
  const may = port.destinations.map(
    ({ to, protocol, ports, privateAddresses, addresses }) =>
      `  may reach ${to} ${protocol} ${ports.join(', ')}${privateAddresses ? ', private addresses too' : ''}${
        addresses === undefined ? '' : ` (${addresses.join(', ') || 'not asked for yet'})`
      }`,
  );
  const refused = port.refusedDestinations
    .slice(0, 10)
    .map(
      ({ address: to, protocol, port: number, packets }) =>
        `  ! refused ${protocol} ${to}:${String(number)}, ${packets.toLocaleString('en-US')} packets`,
    );
  return [
    `${port.instrument}/${port.port}: ${port.up ? 'up' : 'DOWN'}, ${port.kind} on ${port.device}${vlan}, ${address} (${port.mac})`,
    ...port.faults.map((fault) => `  ! ${fault}`),
    ...(may.length === 0 ? ['  may reach nothing'] : may),
    table(rows),
    ...refused,
  ].join('\n');
}
