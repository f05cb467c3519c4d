import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Problem } from './problem.tsx';

/** What an answer shows once it is there; meanwhile that it is awaited, or why it does not come. Old answers stay visible. */
export function Loaded<T>({
  query,
  children,
  what,
}: {
  query: UseQueryResult<T>;
  children: (value: T) => ReactNode;
  /** For who hears the page instead of seeing it: `sensors`. */
  what: string;
}) {
  const again = () => void query.refetch();
  if (query.data !== undefined) {
    return (
      <>
        {query.error !== null && <Problem error={query.error} retry={again} />}
        {children(query.data)}
      </>
    );
  }
  if (query.error !== null) return <Problem error={query.error} retry={again} />;
  return (
    <p className="awaited" role="status">
      Loading {what} …
    </p>
  );
}
