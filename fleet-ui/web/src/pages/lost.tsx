import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Empty } from '../components/empty.tsx';
import { Problem } from '../components/problem.tsx';

/** An address that leads nowhere. */
export function NotFound() {
  return (
    <main className="page" id="main">
      <Empty title="There is no such page">
        <p>
          It may have been moved, or what it showed was removed. Go on with the <Link to="/">overview</Link>.
        </p>
      </Empty>
    </main>
  );
}

/** A page that failed while it was drawn; the rest goes on. */
export function Crashed({ error, reset }: { error: unknown; reset: () => void }) {
  // After an update of the fleet the files of the former pages are gone.
  const outdated = error instanceof TypeError && /import|module/i.test(error.message);
  if (outdated) {
    return (
      <Empty title="A newer version of these pages is there">
        <p>The fleet was updated since this page was opened.</p>
        <Button onClick={() => window.location.reload()}>Load the new pages</Button>
      </Empty>
    );
  }
  return <Problem error={error} retry={reset} />;
}
