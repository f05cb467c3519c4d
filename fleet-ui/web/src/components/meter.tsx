import './meter.css';

/** From here on somebody should do something about it. */
const HIGH = 0.9;

/** How much of something is taken, as a bar with its words. */
export function Meter({
  label,
  taken,
  of,
  words,
}: {
  label: string;
  taken: number;
  of: number;
  words: string;
}) {
  const share = of <= 0 ? 0 : Math.min(1, Math.max(0, taken / of));
  return (
    <span className={share >= HIGH ? 'meter meter-high' : 'meter'}>
      <meter min={0} max={1} high={HIGH} value={share} aria-label={label}>
        {words}
      </meter>
      <span className={share >= HIGH ? 'text-bad' : undefined}>{words}</span>
    </span>
  );
}
