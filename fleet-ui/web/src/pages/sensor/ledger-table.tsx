import type { SeenLedger } from '@bulkhead/fleet-api';
import { compactNumber, percentWords, rateWords } from '../../text/number-words.ts';
import { lossOf, stageKey, type StageRates } from './ledger-rates.ts';
import { lossNote, lossStanding } from './loss-standing.ts';

/** The picture in words: what came in, what went on, what was kept back on purpose and what was lost, at every stage. */
export function LedgerTable({ ledger, rates }: { ledger: SeenLedger; rates: StageRates }) {
  return (
    <div className="table-wrap" tabIndex={0} role="region" aria-label="Ledger">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Stage</th>
            <th scope="col">Of</th>
            <th scope="col" className="num">
              Now
            </th>
            <th scope="col" className="num">
              In
            </th>
            <th scope="col" className="num">
              On
            </th>
            <th scope="col">Held on purpose</th>
            <th scope="col">Lost</th>
          </tr>
        </thead>
        <tbody>
          {ledger.lines.map((line) => {
            const loss = lossOf(line);
            const now = rates.get(stageKey(line.stage, line.name))?.outPerS;
            return (
              <tr key={stageKey(line.stage, line.name)}>
                <th scope="row">{line.stage}</th>
                <td>
                  {line.name}
                  {line.note !== undefined && <div className="quiet">{line.note}</div>}
                </td>
                <td className="num nowrap">{now === undefined ? '–' : rateWords(now)}</td>
                <td className="num nowrap">
                  {compactNumber(line.in)} <span className="quiet">{line.unit}</span>
                </td>
                <td className="num nowrap">{compactNumber(line.out)}</td>
                <td>{reasonWords(line.held) || '–'}</td>
                <td className={lossStanding(loss) === 'growing' ? 'ledger-lost text-bad' : 'ledger-lost'}>
                  {loss.lost === 0
                    ? 'none'
                    : `${reasonWords(line.lost)} (${percentWords(loss.lost, line.in)})`}
                  {lossNote(loss) !== '' && <div className="quiet">{lossNote(loss)}</div>}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function reasonWords(reasons: Readonly<Record<string, number>>): string {
  return Object.entries(reasons)
    .map(([reason, count]) => `${reason}: ${compactNumber(count)}`)
    .join(', ');
}
