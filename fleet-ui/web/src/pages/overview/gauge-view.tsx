import { useId, useState, type ReactNode } from 'react';
import { LEVELS, STEPS, type Gauge } from './gauges.ts';

const SHOWN = 12;
const TONES = ['good', 'accent', 'warn', 'bad', 'bad'] as const;

/** A level in five steps that says, when asked, what it is made of. */
export function GaugeView({
  name,
  gauge,
  explanation,
}: {
  name: string;
  gauge: Gauge;
  explanation: ReactNode;
}) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const at = LEVELS.indexOf(gauge.level);
  return (
    <div className="gauge">
      <button
        type="button"
        className="gauge-button"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        <span className="gauge-name">{name}</span>
        <span className={`gauge-level text-${TONES[at] ?? 'good'}`}>{gauge.level}</span>
        <span className="gauge-steps" aria-hidden="true">
          {LEVELS.slice(1).map((level, index) => (
            <span key={level} className={index < at ? `step step-${TONES[at] ?? 'good'}` : 'step'} />
          ))}
        </span>
        <span className="quiet">{open ? 'Hide' : 'Why?'}</span>
      </button>
      {open && (
        <div id={id} className="gauge-why">
          <p>{explanation}</p>
          <p className="quiet">
            Now {gauge.points} points.{' '}
            {LEVELS.slice(1)
              .map((level) => `${level} from ${String(STEPS[level])}`)
              .join(', ')}
            .
          </p>
          {gauge.shares.length > 0 && (
            <table className="table">
              <thead>
                <tr>
                  <th scope="col">Of</th>
                  <th scope="col" className="num">
                    Points
                  </th>
                  <th scope="col">From</th>
                </tr>
              </thead>
              <tbody>
                {gauge.shares.slice(0, SHOWN).map((share) => (
                  <tr key={`${share.kind} ${share.of}`}>
                    <th scope="row">
                      <span className="quiet">{share.kind}</span> {share.of}
                    </th>
                    <td className="num">{share.points}</td>
                    <td>{share.why}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </div>
      )}
    </div>
  );
}
