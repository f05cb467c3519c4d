import type { AttentionItem } from '@bulkhead/fleet-api';
import { Link } from '@tanstack/react-router';
import { Ago } from './time.tsx';
import { Badge, type Tone } from './badge.tsx';

const WORDS: Readonly<Record<AttentionItem['severity'], [Tone, string]>> = {
  critical: ['bad', 'now'],
  warning: ['warn', 'soon'],
  info: ['accent', 'waits'],
};

/** What a person should look at, the worst first, each with what to do and where. */
export function AttentionList({
  items,
  onGo,
  newSince,
}: {
  items: readonly AttentionItem[];
  onGo?: () => void;
  /** What began after this (epoch, ms) is marked as new. */
  newSince?: number | undefined;
}) {
  if (items.length === 0) {
    return (
      <p className="calm">
        Nothing needs attention: every sensor that you may see is there, sees and reports.
      </p>
    );
  }
  return (
    <ul className="attention">
      {items.map((item) => {
        const [tone, word] = WORDS[item.severity];
        const isNew = newSince !== undefined && item.since !== undefined && Date.parse(item.since) > newSince;
        return (
          <li key={item.id} className={`attention-${tone}`}>
            <div className="attention-head">
              <Badge tone={tone}>{word}</Badge>
              <strong>
                {item.link === undefined ? (
                  item.title
                ) : (
                  <Link to={item.link} {...(onGo === undefined ? {} : { onClick: onGo })}>
                    {item.title}
                  </Link>
                )}
              </strong>
              {isNew && <Badge tone="accent">new</Badge>}
              {item.since !== undefined && (
                <span className="quiet">
                  <Ago time={item.since} />
                </span>
              )}
            </div>
            <p>{item.text}</p>
          </li>
        );
      })}
    </ul>
  );
}
