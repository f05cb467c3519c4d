import { useQuery } from '@tanstack/react-query';
import { attentionQuery } from '../../api/attention.ts';
import { AttentionList } from '../../components/attention-list.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Page, Section } from '../../components/page.tsx';

/** What a person looks at first. */
export function Overview() {
  const attention = useQuery(attentionQuery);
  return (
    <Page title="Overview">
      <Section title="What needs attention">
        <div className="card">
          <Loaded query={attention} what="what needs attention">
            {({ items }) => <AttentionList items={items} />}
          </Loaded>
        </div>
      </Section>
    </Page>
  );
}
