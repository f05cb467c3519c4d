import { useEffect, useRef } from 'preact/hooks';
import { NOBODY, useLive } from './live.tsx';
import { Notice } from './parts/notice.tsx';
import { JobBar } from './parts/job.tsx';
import { OverviewPage } from './pages/overview.tsx';
import { RulesPage } from './pages/rules.tsx';
import { SourcesPage } from './pages/sources.tsx';
import { SuppressionsPage } from './pages/suppressions.tsx';
import { VariablesPage } from './pages/variables.tsx';
import { hrefOf, useRoute, type Route } from './route.ts';

const PAGES = [
  ['overview', 'Overview'],
  ['rules', 'Rules'],
  ['sources', 'Sources'],
  ['variables', 'Variables'],
  ['suppressions', 'Suppressions'],
] as const;

export function App() {
  const route = useRoute();
  const { me, overview, error } = useLive();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const title = PAGES.find(([page]) => page === route.page)?.[1] ?? 'Rules';

  // Who moves by keyboard or hears the page is taken to what is new.
  useEffect(() => {
    document.title = `${title} · Rules${overview === undefined ? '' : ` · ${overview.sensor}`}`;
  }, [title, overview?.sensor]);
  useEffect(() => {
    if (first.current) first.current = false;
    else main.current?.querySelector('h1')?.focus();
  }, [route.page]);

  return (
    <>
      <a class="skip" href="#main" onClick={skipTo(main)}>
        To the content
      </a>
      <header class="top">
        <div class="top-line">
          <p class="brand">
            <img src="icon.svg" alt="" width="24" height="24" />
            Rules <span class="sensor">{overview?.sensor}</span>
          </p>
          <p class="user">{me === NOBODY ? '' : (me.user ?? 'not signed in')}</p>
        </div>
        <nav aria-label="Pages" class="pages">
          {PAGES.map(([page, text]) => (
            <a key={page} href={hrefOf(page)} aria-current={route.page === page ? 'page' : undefined}>
              {text}
            </a>
          ))}
        </nav>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {error !== undefined && (
          <Notice tone="bad" title="What is shown may be old." alert>
            <p>
              {error.message} <code class="code">{error.code}</code>
            </p>
          </Notice>
        )}
        {overview !== undefined && me !== NOBODY && !me.canChange && (
          <Notice tone="info">
            <p>You can look at everything. To change something you need the role operator or admin.</p>
          </Notice>
        )}
        <JobBar />
        <Page route={route} />
      </main>
    </>
  );
}

function skipTo(main: { current: HTMLElement | null }) {
  return (event: Event) => {
    event.preventDefault();
    main.current?.focus();
  };
}

function Page({ route }: { route: Route }) {
  switch (route.page) {
    case 'overview':
      return <OverviewPage />;
    case 'rules':
      return <RulesPage route={route} />;
    case 'sources':
      return <SourcesPage />;
    case 'variables':
      return <VariablesPage />;
    case 'suppressions':
      return <SuppressionsPage route={route} />;
    default:
      return (
        <Notice tone="warn">
          <p>
            There is no page of this name. Go to the <a href={hrefOf('overview')}>overview</a>.
          </p>
        </Notice>
      );
  }
}
