import type { Preview } from '../../src/api-types.ts';
import type { Answer } from '../live.tsx';
import { ErrorNotice } from '../parts/notice.tsx';
import { Time } from '../parts/small.tsx';
import { count, plural } from '../text/format.ts';

/** What would have been hidden, of what was recorded. */
export function PreviewCard({ answer, isAsked }: { answer: Answer<Preview>; isAsked: boolean }) {
  const { data, error, loading } = answer;
  return (
    <section class="preview" aria-label="Preview" aria-live="polite" aria-busy={loading}>
      <h3>What it would have hidden</h3>
      {!isAsked && <p class="quiet">Name a rule to see it.</p>}
      <ErrorNotice error={error} />
      {isAsked && data === undefined && error === undefined && <p class="quiet">Looking…</p>}
      {data !== undefined && error === undefined && isAsked && <Found preview={data} />}
    </section>
  );
}

function Found({ preview }: { preview: Preview }) {
  const { alerts, hidden, since, partial, examples, top, lines } = preview;
  return (
    <>
      <p class="preview-sum">
        <strong>{count(hidden)}</strong> of {plural(alerts, 'alert')} of this rule recorded since{' '}
        <Time at={since} />
        {partial && ', of those that could be looked at'}
      </p>
      <progress max={Math.max(1, alerts)} value={hidden} aria-label="Share that is hidden" />
      {alerts > 0 && hidden === alerts && <p class="wrong">Nothing of this rule would be shown any more.</p>}
      <div class="columns">
        {top.length > 0 && (
          <table>
            <caption>Most often hidden</caption>
            <tbody>
              {top.map(({ address, count: times }) => (
                <tr key={address}>
                  <th scope="row">
                    <code>{address}</code>
                  </th>
                  <td class="number">{count(times)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        {examples.length > 0 && (
          <table>
            <caption>Newest of them</caption>
            <tbody>
              {examples.slice(0, 8).map((example, index) => (
                <tr key={index}>
                  <td>
                    <Time at={example.time} />
                  </td>
                  <td>
                    <code>
                      {example.source} → {example.destination}
                    </code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
      <details>
        <summary>What the IDS is given</summary>
        <pre>{lines.join('\n')}</pre>
      </details>
    </>
  );
}
