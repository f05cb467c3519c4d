import type { EventHistogram } from '@bulkhead/fleet-api';
import type { UseQueryResult } from '@tanstack/react-query';
import { useMemo } from 'react';
import { Problem } from '../../components/problem.tsx';
import { TimeBars, type BarSeries } from '../../components/time-bars.tsx';
import { counted } from '../../text/number-words.ts';
import { SEVERITIES } from '../../text/severity.ts';
import { clockTime } from '../../text/time-words.ts';

/** Found, and nobody counted of which severity. */
const ANY: BarSeries = { key: 'any', label: 'of any severity', colour: '--bh-dim' };

/** Events over time by severity; dragging across it looks closer. */
export function Histogram({
  query,
  onChoose,
  height,
}: {
  query: UseQueryResult<EventHistogram>;
  onChoose?: (since: string, until: string) => void;
  height?: number;
}) {
  const { data, error, refetch } = query;
  const buckets = useMemo(
    () =>
      (data?.buckets ?? []).map(({ time, total, counts }) => {
        // Words and signatures are counted without a kind.
        const told = Object.values(counts).reduce((sum, count) => sum + count, 0);
        return { time: Date.parse(time) / 1000, counts: { ...counts, [ANY.key]: Math.max(0, total - told) } };
      }),
    [data],
  );
  const series = useMemo(
    () => [...SEVERITIES, ANY].filter(({ key }) => buckets.some(({ counts }) => (counts[key] ?? 0) > 0)),
    [buckets],
  );
  const failed = error !== null && <Problem error={error} retry={() => void refetch()} />;
  if (data === undefined) return failed === false ? <div className="histogram-awaited" /> : failed;
  if (data.total === 0)
    return (
      <>
        {failed}
        <p className="quiet">None in this time.</p>
      </>
    );
  const kinds = series.map(({ key, label }) => {
    const sum = buckets.reduce((total, { counts }) => total + (counts[key] ?? 0), 0);
    return `${sum.toLocaleString('en')} ${label}`;
  });
  const words = `${counted(data.total, 'event')} from ${clockTime(data.since)} to ${clockTime(data.until)}`;
  return (
    <div className="card histogram">
      {failed}
      <p className="quiet">
        {words}
        {(data.suppressed ?? 0) > 0 && `; without ${counted(data.suppressed ?? 0, 'suppressed one')}`}
        {!data.complete && '; older bars are estimates'}
      </p>
      <TimeBars
        series={series}
        buckets={buckets}
        bucketS={data.bucketS}
        summary={`${words}: ${kinds.join(', ')}`}
        {...(height === undefined ? {} : { height })}
        {...(onChoose === undefined
          ? {}
          : {
              onChoose: (from: number, to: number) =>
                onChoose(new Date(from * 1000).toISOString(), new Date(to * 1000).toISOString()),
            })}
      />
    </div>
  );
}
