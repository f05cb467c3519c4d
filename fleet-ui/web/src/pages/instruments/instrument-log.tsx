import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { askSensor } from '../../api/sensor.ts';
import { Loaded } from '../../components/loaded.tsx';
import { Section } from '../../components/page.tsx';

const LINES = 200;
const EVERY_MS = 2_000;

/** The newest lines of an instrument's log, going on by themselves until they are halted. */
export function InstrumentLog({ sensor, instrument }: { sensor: string; instrument: string }) {
  const [follow, setFollow] = useState(true);
  const box = useRef<HTMLPreElement>(null);
  const log = useQuery({
    queryKey: ['sensor-asked', sensor, 'log', instrument],
    queryFn: ({ signal }) =>
      askSensor<{ lines: string[] }>(sensor, `/instruments/${encodeURIComponent(instrument)}/log`, {
        query: { lines: LINES },
        signal,
      }),
    refetchInterval: follow ? EVERY_MS : false,
  });
  useEffect(() => {
    if (follow && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [log.data, follow]);
  return (
    <Section
      title="Log"
      note={follow ? 'live' : 'halted'}
      actions={
        <Button size="xs" variant="default" onClick={() => setFollow(!follow)}>
          {follow ? 'Halt' : 'Go on'}
        </Button>
      }
    >
      <Loaded query={log} what="log">
        {({ lines }) =>
          lines.length === 0 ? (
            <p className="quiet">It has logged nothing since it was started.</p>
          ) : (
            <pre ref={box} className="log" tabIndex={0} aria-label={`Log of ${instrument}`}>
              {lines.join('\n')}
            </pre>
          )
        }
      </Loaded>
    </Section>
  );
}
