import type { Change } from '../../src/api-types.ts';
import { useAsk } from '../live.tsx';
import { ErrorNotice } from '../parts/notice.tsx';
import { Diff, Empty, Time } from '../parts/small.tsx';

const SHOWN = 20;

/** Who changed a rule, when, why; for texts, from what to what. */
export function RuleHistory({ sid }: { sid: number }) {
  const { data, error } = useAsk('changes.list', { kind: 'rule', subject: String(sid), limit: SHOWN });
  const changes = data?.changes ?? [];
  return (
    <section aria-label="History">
      <h3>History</h3>
      <ErrorNotice error={error} />
      {data !== undefined && changes.length === 0 && <Empty>Nobody changed this rule.</Empty>}
      <ol class="history">
        {changes.map((change) => (
          <li key={change.id}>
            <p>
              <Time at={change.time} />, <strong>{change.author}</strong>: {said(change)}
              {change.reason === '' ? '' : ` – ${change.reason}`}
            </p>
            <Texts change={change} />
          </li>
        ))}
      </ol>
    </section>
  );
}

interface Body {
  enabled?: boolean;
  text?: string;
}

function said(change: Change): string {
  const [before, after] = [bodyOf(change.old), bodyOf(change.new)];
  if (change.action === 'expire') return 'ran out';
  if (after === undefined) return 'taken back';
  const words = [
    ...(after.enabled === undefined || after.enabled === before?.enabled
      ? []
      : [after.enabled ? 'switched on' : 'switched off']),
    ...(after.text === undefined || after.text === before?.text ? [] : ['new text']),
  ];
  return words.join(', ') || change.action;
}

function Texts({ change }: { change: Change }) {
  const [before, after] = [bodyOf(change.old)?.text, bodyOf(change.new)?.text];
  if (before === after || (before === undefined && after === undefined)) return null;
  if (before === undefined || after === undefined) return <pre>{after ?? before}</pre>;
  return <Diff before={before} after={after} />;
}

/** What a document said about a rule; its texts come from the instrument, which made them. */
function bodyOf(json: string | undefined): Body | undefined {
  if (json === undefined) return undefined;
  try {
    const value = JSON.parse(json) as { body?: Body } & Body;
    return value.body ?? value;
  } catch {
    return undefined;
  }
}
