import { useState } from 'preact/hooks';
import type { SourceState } from '../../src/api-types.ts';
import { useAsk } from '../live.tsx';
import { ChangeButton } from '../parts/button.tsx';
import { ErrorNotice } from '../parts/notice.tsx';
import { Empty, Heading } from '../parts/small.tsx';
import { SourceAdd } from './source-add.tsx';
import { SourceCard } from './source-card.tsx';

/** Where rules come from, how old they are, and what stands in the way. */
export function SourcesPage() {
  const { data, error } = useAsk('sources.list', {});
  const [adding, setAdding] = useState(false);
  const sources = data?.sources ?? [];
  const catalogues = sources.filter(isCatalogue);
  const close = () => {
    setAdding(false);
  };
  return (
    <>
      <Heading title="Sources">
        <ChangeButton
          kind="primary"
          onClick={() => {
            setAdding(true);
          }}
        >
          Add a source…
        </ChangeButton>
      </Heading>
      <ErrorNotice error={error} />
      {data !== undefined && sources.length === 0 && (
        <section class="card">
          <Empty>
            There are no sources yet. Add one from a catalogue, by its address, or paste rules of your own.
          </Empty>
        </section>
      )}
      <ul class="sources">
        {sources
          .filter((source) => !isCatalogue(source))
          .map((source) => (
            <SourceCard key={source.id} source={source} />
          ))}
      </ul>
      {catalogues.length > 0 && (
        <>
          <h2>Catalogues</h2>
          <ul class="sources">
            {catalogues.map((source) => (
              <SourceCard key={source.id} source={source} />
            ))}
          </ul>
        </>
      )}
      {adding && <SourceAdd catalogues={catalogues.map(({ name }) => name)} onClose={close} />}
    </>
  );
}

function isCatalogue({ origin }: SourceState): boolean {
  return origin.type === 'index' || origin.type === 'index-file';
}
