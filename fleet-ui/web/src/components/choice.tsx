import { NativeSelect } from '@mantine/core';

/** One of few. The browser's own list: it works with every keyboard, telephone and screen reader. */
export function Choice({
  label,
  value,
  options,
  onChange,
  description,
}: {
  label: string;
  value: string;
  options: readonly { value: string; label: string }[];
  onChange: (value: string) => void;
  description?: string;
}) {
  return (
    <NativeSelect
      label={label}
      description={description}
      value={value}
      data={[...options]}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
