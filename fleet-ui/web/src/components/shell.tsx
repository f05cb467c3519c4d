import { useQuery } from '@tanstack/react-query';
import { Outlet, useLocation, useRouter } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useRef } from 'react';
import { useLive } from '../api/live.ts';
import { sessionQuery } from '../api/session.ts';
import { AccountMenu } from './account-menu.tsx';
import { Bell } from './bell.tsx';
import { Icon } from './icon.tsx';
import { Leave } from './leave.tsx';
import { Navigation } from './navigation.tsx';
import { Problem } from './problem.tsx';
import { SearchBox } from './search-box.tsx';

// After the first paint: there is nothing to tell before.
const Toasts = lazy(async () => ({ default: (await import('./toasts.tsx')).Toasts }));

/** Everything that is around a page, for who is signed in. */
export function Shell() {
  const session = useQuery(sessionQuery);
  const { href } = useLocation();
  if (session.data === undefined) {
    return session.error === null ? null : (
      <main className="alone">
        <Problem error={session.error} retry={() => void session.refetch()} />
      </main>
    );
  }
  if (session.data.setUpNeeded) return <Leave to="/set-up" />;
  if (session.data.person === null) {
    return <Leave to="/sign-in" next={href} />;
  }
  return <SignedIn />;
}

function SignedIn() {
  const drawer = useRef<HTMLDialogElement>(null);
  const live = useLive();
  const { pathname } = useLocation();
  useFocusOnNewPage(pathname);
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <header className="top">
        <button
          type="button"
          className="plain-button only-narrow"
          aria-label="Open the navigation"
          onClick={() => drawer.current?.showModal()}
        >
          <Icon name="menu" />
        </button>
        <SearchBox />
        <div className="top-end">
          {live === 'lost' && (
            <span className="badge badge-warn" role="status">
              Not live: reconnecting
            </span>
          )}
          <Bell />
          <AccountMenu />
        </div>
      </header>
      <aside className="side only-wide">
        <Navigation />
      </aside>
      <dialog
        ref={drawer}
        className="drawer"
        aria-label="Navigation"
        onClick={(event) => {
          if (event.target === event.currentTarget) event.currentTarget.close();
        }}
      >
        <Navigation onGo={() => drawer.current?.close()} />
        <button type="button" className="plain-button" onClick={() => drawer.current?.close()}>
          Close
        </button>
      </dialog>
      <main id="main" tabIndex={-1}>
        <Outlet />
      </main>
      <Suspense>
        <Toasts />
      </Suspense>
    </div>
  );
}

/** Who hears the page is told that it is another one; with the keyboard one goes on from its beginning. */
function useFocusOnNewPage(pathname: string): void {
  const router = useRouter();
  useEffect(() => {
    let first = true;
    return router.subscribe('onResolved', ({ pathChanged }) => {
      if (pathChanged && !first) {
        window.scrollTo(0, 0);
        document.getElementById('main')?.focus({ preventScroll: true });
      }
      first = false;
    });
  }, [router, pathname]);
}
