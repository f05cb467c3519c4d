import { useEffect, useState } from 'preact/hooks';
import type { OperationRequest, RuleSummary } from '../../src/api-types.ts';
import { useAsk } from '../live.tsx';
import { SelectField, TextField } from '../parts/field.tsx';
import { ErrorNotice } from '../parts/notice.tsx';
import { Empty, Heading, Pager } from '../parts/small.tsx';
import { go, hrefOf, type Route } from '../route.ts';
import { SEVERITIES, severityText } from '../text/format.ts';
import { RuleDialog } from './rule.tsx';
import { RuleState } from './rule-state.tsx';

const LIMIT = 50;
const TYPING_MS = 200;
const FILTERS = ['text', 'source', 'enabled', 'priority', 'changed', 'offset'] as const;
type Filter = (typeof FILTERS)[number];
type Filters = Record<Filter, string>;

/** All rules: the address of the page holds what is searched for, so that it can be kept and sent. */
export function RulesPage({ route }: { route: Route }) {
  const filters = Object.fromEntries(FILTERS.map((name) => [name, route.query.get(name) ?? ''])) as Filters;
  const sources = useAsk('sources.list', {});
  const found = useAsk('rules.search', requestOf(filters), { delayMs: TYPING_MS });
  const offset = Number(filters.offset) || 0;
  const set = (change: Partial<Filters>) => {
    go(hrefOf('rules', undefined, { ...filters, offset: '', ...change }), true);
  };
  const rules = found.data?.rules ?? [];
  const names = (sources.data?.sources ?? []).filter(({ origin }) => !origin.type.startsWith('index'));
  const pager = (place: string) => (
    <Pager
      place={place}
      offset={offset}
      limit={LIMIT}
      shown={rules.length}
      total={found.data?.total ?? 0}
      more={found.data?.more ?? false}
      what="rules"
      onMove={(to) => {
        set({ offset: to === 0 ? '' : String(to) });
        scrollTo({ top: 0 });
      }}
    />
  );
  return (
    <>
      <Heading title="Rules" />
      <search>
        <form
          class="filters"
          onSubmit={(event) => {
            event.preventDefault();
          }}
        >
          <SearchField
            value={filters.text}
            set={(text) => {
              set({ text });
            }}
          />
          <SelectField
            label="Source"
            value={filters.source}
            options={[['', 'All'], ...names.map(({ name }) => [name, name] as const)]}
            onInput={(source) => {
              set({ source });
            }}
          />
          <SelectField
            label="State"
            value={filters.enabled}
            options={[
              ['', 'All'],
              ['true', 'On'],
              ['false', 'Off'],
            ]}
            onInput={(enabled) => {
              set({ enabled });
            }}
          />
          <SelectField
            label="Severity"
            value={filters.priority}
            options={[['', 'All'], ...SEVERITIES.map(([number, text]) => [String(number), text] as const)]}
            onInput={(priority) => {
              set({ priority });
            }}
          />
          <SelectField
            label="Changed here"
            value={filters.changed}
            options={[
              ['', 'All'],
              ['true', 'Only changed'],
            ]}
            onInput={(changed) => {
              set({ changed });
            }}
          />
        </form>
      </search>
      <ErrorNotice error={found.error} />
      <section class="card" aria-label="Rules found" aria-busy={found.loading}>
        {found.data !== undefined && rules.length === 0 ? (
          <Empty>
            No rule fits.{' '}
            {hasFilter(filters) ? <a href={hrefOf('rules')}>Show all rules</a> : <FirstSource />}
          </Empty>
        ) : (
          <>
            {pager('above')}
            <RuleTable rules={rules} filters={filters} />
            {rules.length > 20 && pager('below')}
          </>
        )}
      </section>
      {route.item !== undefined && (
        <RuleDialog
          sid={Number(route.item)}
          onClose={() => {
            go(hrefOf('rules', undefined, filters));
          }}
        />
      )}
    </>
  );
}

function FirstSource() {
  return (
    <>
      Add a <a href={hrefOf('sources')}>source</a> first.
    </>
  );
}

/** What is typed stands at once; the address, and with it the search, follows. */
function SearchField({ value, set }: { value: string; set: (text: string) => void }) {
  const [typed, setTyped] = useState(value);
  useEffect(() => {
    if (value.trim() !== typed.trim()) setTyped(value);
  }, [value]);
  return (
    <TextField
      label="Search"
      type="search"
      value={typed}
      maxLength={200}
      placeholder="words of message, content, reference; or a sid"
      onInput={(text) => {
        setTyped(text);
        set(text);
      }}
    />
  );
}

function RuleTable({ rules, filters }: { rules: readonly RuleSummary[]; filters: Filters }) {
  return (
    <table class="cards rules">
      <thead>
        <tr>
          <th scope="col">Sid</th>
          <th scope="col">Message</th>
          <th scope="col">State</th>
          <th scope="col">Severity</th>
          <th scope="col">Class</th>
          <th scope="col">Source</th>
        </tr>
      </thead>
      <tbody>
        {rules.map((rule) => (
          <tr key={`${String(rule.gid)}:${String(rule.sid)}`}>
            <td data-label="Sid">
              <a href={hrefOf('rules', rule.sid, filters)}>{rule.sid}</a>
            </td>
            <td data-label="Message" class="message">
              {rule.msg}
            </td>
            <td data-label="State">
              <RuleState rule={rule} />
            </td>
            <td data-label="Severity">{severityText(rule.priority)}</td>
            <td data-label="Class" class="extra">
              {rule.classtype ?? '–'}
            </td>
            <td data-label="Source" class="extra">
              {rule.source}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function hasFilter(filters: Filters): boolean {
  return FILTERS.some((name) => filters[name] !== '');
}

function requestOf(filters: Filters): OperationRequest<'rules.search'> {
  return {
    text: filters.text,
    limit: LIMIT,
    offset: Number(filters.offset) || 0,
    ...(filters.source === '' ? {} : { source: filters.source }),
    ...(filters.enabled === '' ? {} : { enabled: filters.enabled === 'true' }),
    ...(filters.priority === '' ? {} : { priority: Number(filters.priority) }),
    ...(filters.changed === 'true' ? { changed: true } : {}),
  };
}
