import { Link } from '@tanstack/react-router';
import { compactNumber, rateWords } from '../../text/number-words.ts';
import type { StageRate } from './ledger-rates.ts';
import {
  BOX_WIDTH,
  BUS_WIDTH,
  PICTURE_WIDTH,
  shortened,
  type WiringBox,
  type WiringLine,
  type WiringPicture,
} from './wiring-layout.ts';

const NAME_CHARACTERS = 22;
const LINE_CHARACTERS = 30;

/** The wiring as a picture. What it shows stands in words in the table below it. */
export function WiringSvg({ picture, sensor }: { picture: WiringPicture; sensor: string }) {
  const { bus } = picture;
  return (
    <div className="wiring" tabIndex={0} role="region" aria-label="Picture of the wiring">
      <svg
        viewBox={`0 0 ${String(PICTURE_WIDTH)} ${String(picture.height)}`}
        aria-label="From the monitor interfaces through the capture engine to the instruments and the bus"
        role="group"
      >
        <defs>
          <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
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
      <title>{`${line.what}: ${wayWords(line.rate)}`}</title>
      <path d={line.path} markerEnd="url(#tip)" fill="none" />
      <text x={x} y={y} textAnchor={anchor}>
        {rateText(line.rate)}
        {line.rate !== undefined && line.rate.lost > 0 && (
          <tspan className="way-lost"> · {compactNumber(line.rate.lost)} lost</tspan>
        )}
      </text>
    </g>
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
  if (box.kind === 'monitor') return drawn;
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

/** Everything about a way, in words. */
export function wayWords(rate: StageRate | undefined): string {
  if (rate === undefined) return 'not counted';
  const now = rate.outPerS === undefined ? 'rate not known yet' : `${rateWords(rate.outPerS)} now`;
  return `${now}, ${compactNumber(rate.out)} in all, ${rate.lost === 0 ? 'none' : compactNumber(rate.lost)} lost`;
}
