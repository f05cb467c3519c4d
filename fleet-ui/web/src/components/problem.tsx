import { Button } from '@mantine/core';
import { ApiError } from '../api/http.ts';

/** Says what failed and what can be done about it. */
export function Problem({ error, retry }: { error: unknown; retry?: () => void }) {
  const known = error instanceof ApiError ? error : undefined;
  return (
    <div className="problem" role="alert">
      <p>
        <strong>{known?.message ?? 'This page could not be shown.'}</strong>
      </p>
      <p>
        {known === undefined
          ? 'Load it again. If that does not help, the browser’s console says more.'
          : known.hint}
      </p>
      <p className="quiet">
        {known !== undefined && known.code !== 'NO_ANSWER' && (
          <span>
            Code <code>{known.code}</code>
          </span>
        )}
      </p>
      {retry !== undefined && (
        <Button size="xs" variant="default" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}
