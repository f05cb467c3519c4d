import type { InstrumentStatus, MonitorStatus, SensorStatus } from '../contracts/index.ts';

/** Columns padded to their widest cell; the last one is left ragged. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
        .join('  '),
    )
    .join('\n');
}

/** A sensor's state for people. */
export function statusText(status: SensorStatus): string {
  const head = `${status.sensor}: ${status.healthy ? 'healthy' : 'needs attention'} (since ${status.startedAt})`;
  const attention = status.attention.map((line) => `  ! ${line}`);
  const bus = `bus: ${status.bus.up ? 'up' : 'DOWN'}${status.bus.version === undefined ? '' : ` (nats-server ${status.bus.version})`}, ${
    status.bus.encrypted ? 'encrypted at rest' : 'not encrypted at rest'
  }`;
  const { counts } = status;
  const seen = `stored: ${String(counts.events)} events, ${String(counts.alerts)} alerts, ${String(counts.checksPassed)} detection checks (${String(counts.checksMissed)} missed)`;
  return [
    head,
    ...attention,
    ...configurationText(status.config),
    bus,
    seen,
    '',
    ...status.monitors.map(monitorText),
    '',
    instrumentsText(status.instruments),
  ]
    .join('\n')
    .trimEnd();
}

function configurationText({ revision, trying }: SensorStatus['config']): string[] {
  if (revision === undefined) return [];
  const reason = revision.reason === '' ? '' : `: ${revision.reason}`;
  const next = trying === undefined ? '' : `; revision ${String(trying)} is being brought in force`;
  return [
    `configuration: revision ${String(revision.number)} by ${revision.author}, ${revision.time}${reason}${next}`,
  ];
}

function monitorText(monitor: MonitorStatus): string {
  const { packets, check } = monitor;
  const lost =
    packets.lost === 0
      ? 'none lost'
      : `${String(packets.lost)} LOST (${packets.lostWhere.map((l) => `${l.stage} ${String(l.packets)}`).join(', ')})`;
  const latency = check.latencyMs === undefined ? '' : ` in ${String(Math.round(check.latencyMs))} ms`;
  const { feed } = monitor;
  return [
    `monitor interface ${monitor.name} (${monitor.device}): ${monitor.state}`,
    `  packets: ${String(packets.received)} received, ${String(packets.cloned)} copies, ${String(packets.filtered)} filtered, ${lost}`,
    `  detection check: ${check.state}${latency}${check.text === undefined ? '' : ` - ${check.text}`}`,
    ...(feed === undefined ? [] : [`  feed: ${feed.state}${feedText(feed)}`]),
    `  frames sent: ${String(packets.framesSent)} (${String(packets.transmitAttempts)} attempts dropped)`,
  ].join('\n');
}

function feedText(feed: NonNullable<MonitorStatus['feed']>): string {
  const parts = [
    ...(feed.packetsPerSecond === undefined
      ? []
      : [`${String(Math.round(feed.packetsPerSecond))} packets/s`]),
    ...(feed.oneSidedPercent === undefined ? [] : [`${String(feed.oneSidedPercent)} % one-sided`]),
    ...(feed.vlans === undefined || feed.vlans.length === 0 ? [] : [`${String(feed.vlans.length)} VLANs`]),
    ...feed.alarms.map(({ kind, observed }) => `${kind}: ${observed}`),
    ...(feed.unobserved === undefined ? [] : [`not observed: ${feed.unobserved}`]),
  ];
  return parts.length === 0 ? '' : `, ${parts.join(', ')}`;
}

/** The list of instruments for people. */
export function instrumentsText(instruments: readonly InstrumentStatus[]): string {
  if (instruments.length === 0) return 'no instruments';
  const rows = instruments.map((instrument) => [
    instrument.name,
    `${instrument.package} ${instrument.version}${instrument.unverified === true ? ' (unverified)' : ''}`,
    instrument.state,
    instrument.health,
    instrument.pid === undefined ? '-' : String(instrument.pid),
    instrument.detail ?? '',
  ]);
  const pages = instruments.flatMap(({ name, page }) =>
    page === undefined
      ? []
      : [
          `web page of ${name}: ${page.title}, ${page.state === 'served' ? `for root on ${page.socket}` : 'opening'}`,
        ],
  );
  return [table([['INSTRUMENT', 'PACKAGE', 'STATE', 'HEALTH', 'PID', ''], ...rows]), ...pages].join('\n');
}
