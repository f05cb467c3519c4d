import { Button } from '@mantine/core';

/** To the parts of a long list before and behind; nothing when all of it is shown. */
export function Pager({
  total,
  offset,
  page,
  onGo,
}: {
  total: number;
  offset: number;
  page: number;
  onGo: (offset: number) => void;
}) {
  if (total <= page && offset === 0) return null;
  const last = Math.min(offset + page, total);
  return (
    <div className="line">
      <Button variant="default" disabled={offset === 0} onClick={() => onGo(Math.max(0, offset - page))}>
        Before
      </Button>
      <span role="status">
        {(Math.min(offset, total) + (total > 0 ? 1 : 0)).toLocaleString('en')}–{last.toLocaleString('en')} of{' '}
        {total.toLocaleString('en')}
      </span>
      <Button variant="default" disabled={last >= total} onClick={() => onGo(offset + page)}>
        Next
      </Button>
    </div>
  );
}
