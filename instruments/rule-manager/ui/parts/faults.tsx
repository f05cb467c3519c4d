import type { Fault } from '../../src/api-types.ts';
import { hrefOf } from '../route.ts';

const SHOWN = 20;

/** Places in rule files that were refused, with a way to the rule where the message names one. */
export function Faults({ faults }: { faults: readonly Fault[] }) {
  if (faults.length === 0) return null;
  return (
    <>
      <table class="cards faults">
        <caption class="hidden">Refused lines</caption>
        <thead>
          <tr>
            <th scope="col">Place</th>
            <th scope="col">What is wrong</th>
            <th scope="col">Rule</th>
          </tr>
        </thead>
        <tbody>
          {faults.slice(0, SHOWN).map((fault) => (
            <Row key={`${fault.file}:${String(fault.line)}:${fault.code}`} fault={fault} />
          ))}
        </tbody>
      </table>
      {faults.length > SHOWN && <p class="quiet">… and {faults.length - SHOWN} more.</p>}
    </>
  );
}

function Row({ fault }: { fault: Fault }) {
  const sid = /\bsid[: ]*(\d{1,10})\b/.exec(fault.message)?.[1];
  return (
    <tr>
      <td data-label="Place">
        <code>
          {fault.file}:{fault.line}
        </code>
      </td>
      <td data-label="What is wrong">
        {fault.message} <code class="code">{fault.code}</code>
      </td>
      <td data-label="Rule">{sid === undefined ? '–' : <a href={hrefOf('rules', sid)}>{sid}</a>}</td>
    </tr>
  );
}
