import type { SeenInstrument, UiAccessReply } from '@bulkhead/fleet-api';
import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { post } from '../../api/http.ts';
import { useMay } from '../../api/session.ts';
import { Icon } from '../../components/icon.tsx';
import { Problem } from '../../components/problem.tsx';

/** Opens an instrument's own page in a window of its own. It has an origin of its own, so a code is handed over to it by POST. */
export function OpenPage({ sensor, instrument }: { sensor: string; instrument: SeenInstrument }) {
  const may = useMay('instruments.open', { sensor, instrument: instrument.name });
  const open = useMutation({
    mutationFn: () => post<UiAccessReply>('/ui-access', { sensor, instrument: instrument.name }),
    onSuccess: handOver,
  });
  const title = instrument.page?.title ?? instrument.name;
  const served = instrument.page?.state === 'served';
  if (!may) return <span className="quiet">{title}: your role does not open it</span>;
  return (
    <>
      <Button
        size="xs"
        variant="default"
        leftSection={<Icon name="open" size={14} />}
        disabled={!served}
        loading={open.isPending}
        onClick={() => open.mutate()}
      >
        {served ? `Open ${title}` : `${title} is being opened`}
      </Button>
      {open.error !== null && <Problem error={open.error} />}
    </>
  );
}

/** A form, because a code must not stand in an address: there it would be kept in histories and logs. */
function handOver({ origin, code }: UiAccessReply): void {
  const form = document.createElement('form');
  form.method = 'post';
  form.action = `${origin}/.bulkhead/enter`;
  form.target = '_blank';
  form.rel = 'noopener'; // and not noreferrer: the page checks by Origin where the code comes from
  const field = document.createElement('input');
  field.type = 'hidden';
  field.name = 'code';
  field.value = code;
  form.append(field);
  document.body.append(form);
  form.submit();
  form.remove();
}
