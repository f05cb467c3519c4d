import type { FleetEvent } from '@bulkhead/fleet-api';
import { guideSteps, isMadeUp } from './guide-steps.ts';

/** One alert explained for who sees the first of their life: from the wire to here, with its own values. */
export function Guide({ event, sensor, open }: { event: FleetEvent; sensor: string; open: boolean }) {
  return (
    <details className="card guide" open={open}>
      <summary>What am I looking at?</summary>
      {isMadeUp(event) && (
        <p className="said">
          Its addresses belong to networks that are kept for examples. This comes from a lab or a test: nobody
          was attacked.
        </p>
      )}
      <ol>
        {guideSteps(event, sensor).map(({ title, text, values }) => (
          <li key={title}>
            <h3>{title}</h3>
            <p>{text}</p>
            {values.length > 0 && (
              <dl className="facts">
                {values.map(([name, value]) => [
                  <dt key={`${name} name`}>{name}</dt>,
                  <dd key={name} className="mono">
                    <bdi>{value}</bdi>
                  </dd>,
                ])}
              </dl>
            )}
          </li>
        ))}
      </ol>
    </details>
  );
}
