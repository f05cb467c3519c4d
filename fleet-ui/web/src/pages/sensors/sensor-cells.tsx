import { Link } from '@tanstack/react-router';
import { Badge, type Tone } from '../../components/badge.tsx';
import { Ago } from '../../components/time.tsx';
import { compactNumber, percentWords } from '../../text/number-words.ts';
import { durationWords } from '../../text/time-words.ts';
import type { SensorRow } from './row-facts.ts';
import { standingOf } from './standing.ts';

/** From here on, times of events of two sensors cannot be compared. */
const CLOCK_WARN_MS = 2_000;
const LOSS_WARN = 0.01;

export function NameCell({ row: { sensor } }: { row: SensorRow }) {
  return (
    <>
      <Link to="/sensors/$sensor" params={{ sensor: sensor.id }}>
        {sensor.name}
      </Link>
      {sensor.tags.length > 0 && (
        <div className="nowrap">
          {sensor.tags.map((tag) => (
            <span key={tag} className="tag">
              {tag}
            </span>
          ))}
        </div>
      )}
    </>
  );
}

export function StateCell({ row: { sensor, healthy, facts } }: { row: SensorRow }) {
  const { tone, word, words } = standingOf(sensor, undefined, healthy);
  return (
    <>
      <Badge tone={tone} title={words}>
        {word}
      </Badge>
      {facts?.check === 'blind' && <Badge tone="bad">blind</Badge>}
    </>
  );
}

export function LossCell({ row: { facts } }: { row: SensorRow }) {
  if (facts === undefined) return <span className="quiet">–</span>;
  if (facts.lost === 0) return <span>none</span>;
  const share = facts.lost / Math.max(1, facts.received);
  return (
    <span
      className={`nowrap ${share >= LOSS_WARN ? 'text-bad' : 'text-warn'}`}
      title={`${facts.lost.toLocaleString('en')} packets`}
    >
      {percentWords(facts.lost, facts.received)} · {compactNumber(facts.lost)}
    </span>
  );
}

const FEEDS: Readonly<Record<string, Tone>> = { alarm: 'bad', ok: 'good', learning: 'idle', off: 'idle' };

export function FeedCell({ row: { facts } }: { row: SensorRow }) {
  if (facts?.feed === undefined) return <span className="quiet">–</span>;
  return <Badge tone={FEEDS[facts.feed] ?? 'idle'}>{facts.feed}</Badge>;
}

export function ClockCell({ row: { clockMs } }: { row: SensorRow }) {
  if (clockMs === undefined) return <span className="quiet">–</span>;
  if (Math.abs(clockMs) < CLOCK_WARN_MS) return <span>right</span>;
  return (
    <span className="text-warn nowrap">
      {durationWords(Math.abs(clockMs) / 1000)} {clockMs > 0 ? 'ahead' : 'behind'}
    </span>
  );
}

const CONFIGS: Readonly<Record<string, [Tone, string]>> = {
  none: ['idle', 'its own'],
  waiting: ['warn', 'waits'],
  sent: ['accent', 'being applied'],
  applied: ['good', 'applied'],
  failed: ['bad', 'failed'],
  invalid: ['bad', 'invalid'],
};

export function ConfigCell({ row: { sensor } }: { row: SensorRow }) {
  const { state, revision, overrides, detail } = sensor.config;
  const [tone, word] = CONFIGS[state] ?? ['idle', state];
  return (
    <span className="nowrap">
      <Badge tone={tone} {...(detail === undefined ? {} : { title: detail })}>
        {word}
      </Badge>{' '}
      <span className="quiet">
        {revision !== undefined && `r${String(revision)}`}
        {overrides > 0 && ` · ${String(overrides)} own`}
      </span>
    </span>
  );
}

export function SeenCell({ row: { sensor } }: { row: SensorRow }) {
  return <span className="nowrap">{sensor.attached ? 'now' : <Ago time={sensor.lastSeen} />}</span>;
}
