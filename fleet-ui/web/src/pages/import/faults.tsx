import type { RuleFault } from '@bulkhead/fleet-api';

/** What was refused and where, with what to do. */
export function Faults({
  refused: { faults, message, code },
  what,
}: {
  refused: { faults: readonly RuleFault[]; message: string; code: string };
  what: string;
}) {
  if (message === '' && faults.length === 0) return null;
  return (
    <div className={message === '' ? undefined : 'problem'} role={message === '' ? undefined : 'alert'}>
      <p>
        <strong>{what}</strong> {message} {code !== '' && <code>{code}</code>}
      </p>
      {faults.length > 0 && (
        <div className="table-wrap" tabIndex={0} role="region" aria-label="Faults">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Where</th>
                <th scope="col">What</th>
              </tr>
            </thead>
            <tbody>
              {faults.map((fault, index) => (
                <tr key={`${fault.file} ${String(fault.line)} ${String(index)}`}>
                  <th scope="row" className="mono nowrap">
                    {fault.file}:{fault.line}
                  </th>
                  <td>
                    {fault.message} <span className="quiet mono">{fault.code}</span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}
