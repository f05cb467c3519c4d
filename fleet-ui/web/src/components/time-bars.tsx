import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import './time-bars.css';

/** Half of `23:59:59`, the longest label, and a little. */
const HALF_LABEL_PX = 34;

/** One kind of thing, counted over time. */
export interface BarSeries {
  key: string;
  label: string;
  /** Name of a CSS variable. */
  colour: string;
}

export interface BarBucket {
  /** Beginning, seconds since 1970. */
  time: number;
  counts: Readonly<Record<string, number>>;
}

/**
 * Counts over time as bars on top of each other. What is drawn is also said in `summary`, for who hears the page.
 * Dragging across it chooses a span of time.
 */
export function TimeBars({
  series,
  buckets,
  bucketS,
  height = 130,
  summary,
  onChoose,
}: {
  series: readonly BarSeries[];
  buckets: readonly BarBucket[];
  bucketS: number;
  height?: number;
  summary: string;
  onChoose?: (fromS: number, toS: number) => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme('light');
  const choose = useRef(onChoose);
  choose.current = onChoose;
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const plot = new uPlot(
      optionsFor(
        element,
        series,
        bucketS,
        height,
        (from, to) => choose.current?.(from, to),
        choose.current !== undefined,
      ),
      stacked(series, buckets),
      element,
    );
    const watch = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
    // A new scheme has new colours, which a canvas does not follow by itself.
  }, [series, buckets, bucketS, height, scheme]);
  return (
    <figure className="time-bars">
      <div ref={box} role="img" aria-label={summary} />
      <figcaption>
        {series.map(({ key, label, colour }) => (
          <span key={key} className="time-bars-key">
            <svg width="10" height="10" aria-hidden="true">
              <rect width="10" height="10" rx="2" fill={`var(${colour})`} />
            </svg>
            {label}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

/** Each row is the sum of itself and all before it: the tallest is drawn first, the others over it. Pure. */
export function stacked(series: readonly BarSeries[], buckets: readonly BarBucket[]): uPlot.AlignedData {
  const times = buckets.map(({ time }) => time);
  const below = buckets.map(() => 0);
  const rows = series.map(({ key }) =>
    buckets.map(({ counts }, index) => (below[index] = (below[index] ?? 0) + (counts[key] ?? 0))),
  );
  return [times, ...rows.reverse()];
}

/** Hours of the day, or days where the steps are that wide; a day also where one begins. */
function timeLabel(timeS: number, stepS: number): string {
  const date = new Date(timeS * 1000);
  const midnight = date.getHours() === 0 && date.getMinutes() === 0;
  return stepS >= 86_400 || midnight
    ? date.toLocaleDateString(undefined, { day: 'numeric', month: 'short' })
    : date.toLocaleTimeString(undefined, {
        ...{ hour: '2-digit', minute: '2-digit', hour12: false },
        ...(stepS < 60 && { second: '2-digit' }),
      });
}

function optionsFor(
  element: HTMLElement,
  series: readonly BarSeries[],
  bucketS: number,
  height: number,
  choose: (fromS: number, toS: number) => void,
  canChoose: boolean,
): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const bars = uPlot.paths.bars?.({ size: [0.86, 60], align: 1 });
  const axis = {
    stroke: colour('--bh-dim'),
    grid: { stroke: colour('--bh-line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    // The last label stands under the end of the axis; its right half needs room beside it.
    padding: [null, HALF_LABEL_PX, null, null],
    cursor: { points: { show: false }, y: false, drag: { x: canChoose, y: false, setScale: false } },
    scales: {
      // By the data itself: a single bar would be given years to stand in.
      x: { range: (plot, min, max) => [min, (plot.data[0].at(-1) ?? max) + bucketS] },
      y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.05)] },
    },
    axes: [
      {
        ...axis,
        size: 30,
        values: (_plot, splits, _axis, _space, step) => splits.map((time) => timeLabel(time, step)),
      },
      { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5, 1e6, 1e7] },
    ],
    series: [
      {},
      ...[...series].reverse().map((one) => ({
        label: one.label,
        fill: colour(one.colour),
        stroke: colour(one.colour),
        width: 0,
        points: { show: false },
        ...(bars === undefined ? {} : { paths: bars }),
      })),
    ],
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < 4) return;
          choose(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x'));
          plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        },
      ],
    },
  };
}
