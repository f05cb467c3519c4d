import type { PageAnswer, PageState } from '../../src/page-types.ts';
import { hashOf, isAddress, isBelow, type Question } from '../question.ts';
import { clock, count, iso, plural, visible } from '../text.ts';

type Shown = PageAnswer['records'][number];

/** Types of record whose value is another name. */
const NAMED: ReadonlySet<string> = new Set(['CNAME', 'DNAME', 'NS', 'PTR']);

export function Results(props: { question: Question; answer: PageAnswer; state: PageState | undefined }) {
  const { question, answer, state } = props;
  const { records, more } = answer;
  const below = isBelow(question);
  if (records.length === 0) return <Nothing question={question} state={state} />;
  return (
    <>
      <p role="status">
        {summary(records.length, more, below)}
        {more && (
          <>
            {below ? ' Ask for a longer name to see the others.' : ''} At the sensor,{' '}
            <code>bulkhead dns lookup</code> shows more, and those of one type or time.
          </>
        )}
      </p>
      <table class="cards">
        <caption class="hidden">Records</caption>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Type</th>
            <th scope="col">Data</th>
            <th scope="col">First seen</th>
            <th scope="col">Last seen</th>
            <th scope="col" class="number">
              Count
            </th>
          </tr>
        </thead>
        <tbody>
          {records.map((record) => (
            <Row key={`${record.rrname} ${record.rrtype} ${record.rdata}`} record={record} />
          ))}
        </tbody>
      </table>
    </>
  );
}

function summary(shown: number, more: boolean, below: boolean): string {
  const order = below ? 'in the order of names' : 'newest first';
  return more
    ? `The first ${plural(shown, 'record')}, ${order}; there are more.`
    : `${plural(shown, 'record')}, ${order}.`;
}

function Row({ record }: { record: Shown }) {
  const { rrname, rrtype, rdata, time_first, time_last } = record;
  return (
    <tr>
      <th scope="row" data-label="Name" class="mono">
        <Ask question={{ kind: 'name', text: rrname }} />
      </th>
      <td data-label="Type">{visible(rrtype)}</td>
      <td data-label="Data" class="mono">
        <Value rrtype={rrtype} rdata={rdata} />
      </td>
      <td data-label="First seen">
        <Time at={time_first} />
      </td>
      <td data-label="Last seen">
        <Time at={time_last} />
      </td>
      <td data-label="Count" class="number">
        {count(record.count)}
      </td>
    </tr>
  );
}

function Value({ rrtype, rdata }: { rrtype: string; rdata: string }) {
  if ((rrtype === 'A' || rrtype === 'AAAA') && isAddress(rdata)) {
    return <Ask question={{ kind: 'address', text: rdata }} />;
  }
  if (NAMED.has(rrtype)) return <Ask question={{ kind: 'name', text: rdata }} />;
  return <bdi>{visible(rdata)}</bdi>;
}

/** A name or address by which one can go on asking. */
function Ask({ question }: { question: Question }) {
  return (
    <a href={hashOf(question)}>
      <bdi>{visible(question.text)}</bdi>
    </a>
  );
}

function Time({ at }: { at: number }) {
  return <time dateTime={iso(at)}>{clock(at)}</time>;
}

function Nothing({ question, state }: { question: Question; state: PageState | undefined }) {
  const days = state === undefined ? '' : ` in the last ${plural(state.retentionDays, 'day')}`;
  return (
    <>
      <p role="status">
        <strong>No records.</strong> Nobody on the watched network got an answer with this{' '}
        {question.kind === 'name' ? 'name' : 'address'}
        {days} that the sensor could see.
      </p>
      <ul>
        {question.kind === 'name' && !isBelow(question) && (
          <li>
            A name is found as it is. For all that is below it, ask for{' '}
            <a href={hashOf({ kind: 'name', text: `*.${question.text}` })}>
              <bdi>*.{visible(question.text)}</bdi>
            </a>
            .
          </li>
        )}
        <li>Encrypted DNS (over TLS, HTTPS or QUIC) cannot be read, and leaves no record.</li>
        <li>A machine that had the answer in its memory did not ask again.</li>
      </ul>
    </>
  );
}
