import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { attentionQuery } from '../api/attention.ts';
import { counted } from '../text/number-words.ts';
import { AttentionList } from './attention-list.tsx';
import { Disclosure } from './disclosure.tsx';
import { Icon } from './icon.tsx';

const SHOWN = 6;

/** How many matters wait, wherever one is. */
export function Bell() {
  const items = useQuery(attentionQuery).data?.items ?? [];
  const urgent = items.filter(({ severity }) => severity !== 'info').length;
  return (
    <Disclosure
      className="bell"
      label={urgent === 0 ? 'Nothing needs attention' : `${counted(urgent, 'matter')} that need attention`}
      button={
        <>
          <Icon name="bell" />
          {urgent > 0 && <span className="bell-count">{urgent > 99 ? '99+' : urgent}</span>}
        </>
      }
    >
      {(close) => (
        <>
          <AttentionList items={items.slice(0, SHOWN)} onGo={close} />
          {items.length > SHOWN && (
            <p className="more">
              <Link to="/" onClick={close}>
                All {items.length}
              </Link>
            </p>
          )}
        </>
      )}
    </Disclosure>
  );
}
