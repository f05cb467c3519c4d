import { useEffect, useRef, useState } from 'preact/hooks';
import { useDoing, useLookup, useReader } from './live.ts';
import { Doing, Teach } from './parts/doing.tsx';
import { ErrorNotice } from './parts/notice.tsx';
import { Results } from './parts/results.tsx';
import { Search } from './parts/search.tsx';
import { questionIn, type Question } from './question.ts';
import { visible } from './text.ts';

export function App() {
  const reader = useReader();
  const doing = useDoing();
  const [question, setQuestion] = useState(() => questionIn(location.hash));
  const [turn, setTurn] = useState(0);
  const main = useRef<HTMLElement>(null);
  const sensor = doing.data?.sensor;

  useEffect(() => {
    const moved = () => {
      setQuestion(questionIn(location.hash));
    };
    addEventListener('hashchange', moved);
    return () => {
      removeEventListener('hashchange', moved);
    };
  }, []);
  useEffect(() => {
    document.title = `${question === undefined ? '' : `${visible(question.text)} · `}Passive DNS${sensor === undefined ? '' : ` · ${sensor}`}`;
  }, [question, sensor]);

  const asked = (hash: string) => {
    if (location.hash === hash) setTurn((before) => before + 1);
    else location.hash = hash;
  };
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        To the content
      </a>
      <header class="top">
        <p class="brand">
          <img src="icon.svg" alt="" width="24" height="24" />
          Passive DNS <span class="quiet">{sensor}</span>
        </p>
        <p class="quiet">{reader === undefined ? '' : (reader.user ?? 'not signed in')}</p>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <h1>Which names led to which addresses</h1>
        {doing.error !== undefined && <ErrorNotice error={doing.error} title="What is shown may be old." />}
        <Search question={question} asked={asked} />
        <section class="card" aria-labelledby="found">
          <Found question={question} turn={turn} doing={doing.data} />
        </section>
        <section class="card" aria-labelledby="doing">
          <h2 id="doing">The instrument</h2>
          <Doing state={doing.data} />
        </section>
      </main>
    </>
  );
}

function Found(props: {
  question: Question | undefined;
  turn: number;
  doing: ReturnType<typeof useDoing>['data'];
}) {
  const { question, turn, doing } = props;
  const found = useLookup(question, turn);
  if (question === undefined) {
    return (
      <>
        <h2 id="found">What can be asked</h2>
        <Teach state={doing} />
      </>
    );
  }
  const { data, error } = found.of === question ? found : { data: undefined, error: undefined };
  return (
    <>
      <h2 id="found">
        Records of{' '}
        <code>
          <bdi>{visible(question.text)}</bdi>
        </code>
      </h2>
      {error !== undefined && <ErrorNotice error={error} />}
      {data !== undefined && <Results question={question} answer={data} state={doing} />}
      {data === undefined && error === undefined && <p class="loading">Loading…</p>}
    </>
  );
}
