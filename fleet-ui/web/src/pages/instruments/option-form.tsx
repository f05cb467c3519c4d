import { Textarea, TextInput } from '@mantine/core';
import { Choice } from '../../components/choice.tsx';
import { usualWords, valueOf, type OptionField, type Typed } from './option-fields.ts';

/** One option, in the control that fits it. Left empty, what the group or the package says holds. */
export function OptionInput({
  field,
  typed,
  below,
  onChange,
}: {
  field: OptionField;
  typed: Typed;
  /** What holds when this is left empty. */
  below: unknown;
  onChange: (typed: string) => void;
}) {
  const { title, kind, choices } = field;
  const read = valueOf(field, typed);
  const problem = 'problem' in read ? `This ${read.problem}.` : undefined;
  const words = `Left empty: ${usualWords(below)}`;
  const shared = {
    label: title,
    description: [field.description, kind === 'switch' || kind === 'choice' ? undefined : words]
      .filter((part) => part !== undefined)
      .join(' '),
    value: typed ?? '',
  };
  switch (kind) {
    case 'switch':
    case 'choice':
      return (
        <Choice
          {...shared}
          options={[
            { value: '', label: words },
            ...(kind === 'switch'
              ? [
                  { value: 'true', label: 'on' },
                  { value: 'false', label: 'off' },
                ]
              : choices.map((value) => ({ value, label: value }))),
          ]}
          onChange={onChange}
        />
      );
    case 'number':
    case 'text':
      return (
        <TextInput
          {...shared}
          error={problem}
          {...(kind === 'number' ? { inputMode: 'decimal' as const } : {})}
          spellCheck={false}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
    case 'lines':
    case 'json':
      return (
        <Textarea
          {...shared}
          error={problem}
          rows={Math.min(8, (typed ?? '').split('\n').length + 1)}
          spellCheck={false}
          classNames={{ input: 'mono' }}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
  }
}
