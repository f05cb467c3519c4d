import type { SeenActivePort } from '@bulkhead/fleet-api';
import { Link } from '@tanstack/react-router';
import { compactNumber, rateWords } from '../../text/number-words.ts';
import { droppedOf, type ActiveRate } from './active-rates.ts';
import { wayWords, type StageRate } from './ledger-rates.ts';
import { lossNote, lossStanding } from './loss-standing.ts';
import { shortened } from './wiring-layout.ts';
import {
  BOX_WIDTH,
  BUS_WIDTH,
  PICTURE_WIDTH,
  type WiringBox,
  type WiringLine,
  type WiringPicture,
} from './wiring-shape.ts';

const NAME_CHARACTERS = 22;
const LINE_CHARACTERS = 30;

/** The wiring as a picture. What it shows stands in words in the table below it. */
export function WiringSvg({ picture, sensor }: { picture: WiringPicture; sensor: string }) {
  const { bus } = picture;
  return (
    <div className="wiring" tabIndex={0} role="region" aria-label="Picture of the wiring">
      <svg
        viewBox={`0 0 ${String(PICTURE_WIDTH)} ${String(picture.height)}`}
        aria-label="From the monitor interfaces through the capture engine to the instruments and the bus, and from instruments to their active interfaces"
        role="group"
      >
        <defs>
          <marker
            id="tip"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            orient="auto-start-reverse"
          >
            <path d="M0 0 8 4 0 8z" className="tip" />
          </marker>
        </defs>
        <g className="wiring-columns" aria-hidden="true">
          <text x="8" y="18">
            Monitor interfaces · receive only
          </text>
          <text x="330" y="18">
            Capture engine
          </text>
          <text x="640" y="18">
            Instruments
          </text>
          {picture.activeY !== undefined && (
            <text x="8" y={picture.activeY}>
              Active interfaces · may send
            </text>
          )}
        </g>
        {picture.lines.map((line) => (
          <Way key={line.id} line={line} />
        ))}
        <g className={`wiring-box wiring-${bus.condition}`}>
          <rect x="910" y={bus.y} width={BUS_WIDTH} height={bus.height} rx="4" />
          <text
            x={910 + BUS_WIDTH / 2}
            y={bus.y + bus.height / 2}
            textAnchor="middle"
            className="wiring-name"
          >
            Bus
          </text>
          <text x={910 + BUS_WIDTH / 2} y={bus.y + bus.height / 2 + 17} textAnchor="middle">
            {bus.condition === 'good' ? 'up' : 'down'}
          </text>
        </g>
        {picture.boxes.map((box) => (
          <Box key={`${box.kind} ${box.name}`} box={box} sensor={sensor} />
        ))}
      </svg>
    </div>
  );
}

function Way({ line }: { line: WiringLine }) {
  const losing = (line.rate?.lostPerS ?? 0) > 0;
  const { x, y, anchor } = line.label;
  return (
    <g className={`way way-${line.kind} ${losing ? 'way-losing' : ''} ${line.idle ? 'way-idle' : ''}`}>
      <title>{`${line.what}: ${line.active?.words ?? wayWords(line.rate)}`}</title>
      <path
        d={line.path}
        markerStart={line.kind === 'active' ? 'url(#tip)' : undefined}
        markerEnd="url(#tip)"
        fill="none"
      />
      <text x={x} y={y} textAnchor={anchor}>
        {line.active === undefined ? (
          <>
            {rateText(line.rate)}
            <LostText rate={line.rate} />
          </>
        ) : (
          <ActiveText {...line.active} />
        )}
      </text>
    </g>
  );
}

function LostText({ rate }: { rate: StageRate | undefined }) {
  if (rate === undefined || rate.lost === 0) return null;
  const words = ` · ${compactNumber(rate.lost)} lost`;
  return lossStanding(rate) === 'growing' ? (
    <tspan className="way-lost">{words}</tspan>
  ) : (
    <tspan className="way-over">
      {words}, {lossNote(rate)}
    </tspan>
  );
}

function ActiveText({ port, rate }: { port: SeenActivePort; rate: ActiveRate | undefined }) {
  const dropped = droppedOf(port);
  const perS = (value: number | undefined) => (value === undefined ? '–' : rateWords(value));
  if (!port.up) return <tspan className="way-refused">down</tspan>;
  return (
    <>
      out {perS(rate?.sentPerS)} · in {perS(rate?.receivedPerS)}
      {dropped.out + dropped.in > 0 && (
        <tspan className="way-refused"> · {compactNumber(dropped.out + dropped.in)} dropped</tspan>
      )}
    </>
  );
}

function Box({ box, sensor }: { box: WiringBox; sensor: string }) {
  const drawn = (
    <g className={`wiring-box wiring-${box.condition}`}>
      <title>{`${box.name}: ${box.lines.join(', ')}`}</title>
      <rect x={box.x} y={box.y} width={BOX_WIDTH} height={box.height} rx="4" />
      <rect x={box.x} y={box.y} width="5" height={box.height} className="wiring-mark" />
      <text x={box.x + 16} y={box.y + 25} className="wiring-name">
        {shortened(box.name, NAME_CHARACTERS)}
      </text>
      <text x={box.x + 16} y={box.y + 44}>
        {shortened(box.lines[0], LINE_CHARACTERS)}
      </text>
      <text x={box.x + 16} y={box.y + 61}>
        {shortened(box.lines[1], LINE_CHARACTERS)}
      </text>
    </g>
  );
  if (box.kind === 'monitor' || box.kind === 'active') return drawn;
  return (
    <Link
      to="/sensors/$sensor/instruments/$instrument"
      params={{ sensor, instrument: box.name }}
      aria-label={`${box.name}: ${box.lines.join(', ')}`}
    >
      {drawn}
    </Link>
  );
}

function rateText(rate: StageRate | undefined): string {
  return rate?.outPerS === undefined ? '–' : rateWords(rate.outPerS);
}
