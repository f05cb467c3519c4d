import { Link } from '@tanstack/react-router';
import { Badge, type Tone } from '../../components/badge.tsx';
import { Ago, useNow } from '../../components/time.tsx';
import { compactNumber, percentWords } from '../../text/number-words.ts';
import { durationWords } from '../../text/time-words.ts';
import { lossOf, rulesAgeDays, STALE_RULES_DAYS, type SensorRow } from './row-facts.ts';
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

export function StateCell({ row: { sensor, brief } }: { row: SensorRow }) {
  const { tone, word, words } = standingOf(sensor, brief, brief?.healthy);
  return (
    <>
      <Badge tone={tone} title={words}>
        {word}
      </Badge>
      {sensor.attached && brief?.check === 'blind' && <Badge tone="bad">blind</Badge>}
    </>
  );
}

export function LossCell({ row: { brief } }: { row: SensorRow }) {
  if (brief?.statusAt === undefined) return <span className="quiet">–</span>;
  if (brief.lost === 0) return <span>none</span>;
  return (
    <span
      className={`nowrap ${lossOf(brief) >= LOSS_WARN ? 'text-bad' : 'text-warn'}`}
      title={`${brief.lost.toLocaleString('en')} packets`}
    >
      {percentWords(brief.lost, brief.received)} · {compactNumber(brief.lost)}
    </span>
  );
}

/** How long the oldest ruleset in force has not changed. */
export function RulesCell({ row: { brief } }: { row: SensorRow }) {
  const days = rulesAgeDays(brief?.rulesSince, useNow());
  if (days === undefined) return <span className="quiet">–</span>;
  const words = days === 0 ? 'today' : days === 1 ? '1 day' : `${String(days)} days`;
  return (
    <span
      className={days >= STALE_RULES_DAYS ? 'nowrap text-warn' : 'nowrap'}
      title={`In force since ${brief?.rulesSince ?? ''}`}
    >
      {words}
    </span>
  );
}

const FEEDS: Readonly<Record<string, Tone>> = { alarm: 'bad', ok: 'good', learning: 'idle', off: 'idle' };

export function FeedCell({ row: { brief } }: { row: SensorRow }) {
  if (brief?.feed === undefined) return <span className="quiet">–</span>;
  return <Badge tone={FEEDS[brief.feed] ?? 'idle'}>{brief.feed}</Badge>;
}

export function ClockCell({ row: { brief } }: { row: SensorRow }) {
  const clockMs = brief?.clockDifferenceMs;
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
