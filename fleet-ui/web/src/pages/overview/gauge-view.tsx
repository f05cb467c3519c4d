import { Link } from '@tanstack/react-router';
import { useId, useState, type ReactNode } from 'react';
import { LEVELS, STEPS, type Gauge, type Part } from './gauges.ts';

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
          {gauge.parts.length > 0 && <Parts parts={gauge.parts} label={`What ${name} is made of`} />}
        </div>
      )}
    </div>
  );
}

/** Group, sensor, instrument, each opened for what it is made of. */
function Parts({ parts, label }: { parts: readonly Part[]; label?: string }) {
  const left = parts.length - SHOWN;
  return (
    <ul className="gauge-parts" {...(label === undefined ? {} : { 'aria-label': label })}>
      {parts.slice(0, SHOWN).map((part) => (
        <li key={`${part.kind} ${part.name}`}>
          {part.parts.length === 0 ? (
            <>
              <Head part={part} />
              <span className="quiet"> {whyWords(part.why)}</span>
            </>
          ) : (
            <details>
              <summary>
                <Head part={part} />
              </summary>
              {part.sensor !== undefined && (
                <Link to="/sensors/$sensor" params={{ sensor: part.sensor }}>
                  Look at {part.name}
                </Link>
              )}
              <Parts parts={part.parts} />
            </details>
          )}
        </li>
      ))}
      {left > 0 && <li className="quiet">and {left} more</li>}
    </ul>
  );
}

function Head({ part: { kind, name, points } }: { part: Part }) {
  return (
    <>
      <span className="quiet">{kind}</span> {name}: <strong>{points}</strong>
    </>
  );
}

const WHY_SHOWN = 4;

function whyWords(why: readonly string[]): string {
  const rest = why.length - WHY_SHOWN;
  return `${why.slice(0, WHY_SHOWN).join(', ')}${rest > 0 ? ` and ${String(rest)} more` : ''}`;
}
