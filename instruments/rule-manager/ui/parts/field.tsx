import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface FieldProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
  hint?: ComponentChildren;
  error?: string | undefined;
  required?: boolean;
}

export function TextField(
  props: FieldProps & {
    type?: 'text' | 'search' | 'url' | 'number' | 'datetime-local' | 'password';
    placeholder?: string;
    maxLength?: number;
    min?: string;
    max?: string;
    code?: boolean;
  },
) {
  const id = useId();
  return (
    <Field {...props} id={id}>
      <input
        id={id}
        type={props.type ?? 'text'}
        class={props.code === true ? 'mono' : ''}
        value={props.value}
        required={props.required}
        placeholder={props.placeholder}
        maxLength={props.maxLength}
        min={props.min}
        max={props.max}
        autocomplete="off"
        spellcheck={false}
        aria-invalid={props.error !== undefined}
        aria-describedby={`${id}-hint`}
        onInput={(event) => {
          props.onInput(event.currentTarget.value);
        }}
      />
    </Field>
  );
}

export function TextArea(props: FieldProps & { rows?: number; maxLength?: number; placeholder?: string }) {
  const id = useId();
  return (
    <Field {...props} id={id}>
      <textarea
        id={id}
        class="mono"
        rows={props.rows ?? 4}
        value={props.value}
        required={props.required}
        maxLength={props.maxLength}
        placeholder={props.placeholder}
        spellcheck={false}
        aria-invalid={props.error !== undefined}
        aria-describedby={`${id}-hint`}
        onInput={(event) => {
          props.onInput(event.currentTarget.value);
        }}
      />
    </Field>
  );
}

export function SelectField(
  props: FieldProps & { options: readonly (readonly [value: string, text: string])[] },
) {
  const id = useId();
  return (
    <Field {...props} id={id}>
      <select
        id={id}
        value={props.value}
        aria-describedby={`${id}-hint`}
        onChange={(event) => {
          props.onInput(event.currentTarget.value);
        }}
      >
        {props.options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </Field>
  );
}

export function CheckField(props: {
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
  hint?: string;
}) {
  const id = useId();
  return (
    <div class="field check">
      <input
        id={id}
        type="checkbox"
        checked={props.checked}
        aria-describedby={`${id}-hint`}
        onChange={(event) => {
          props.onChange(event.currentTarget.checked);
        }}
      />
      <label for={id}>{props.label}</label>
      {props.hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {props.hint}
        </p>
      )}
    </div>
  );
}

function Field(props: FieldProps & { id: string; children: ComponentChildren }) {
  return (
    <div class="field">
      <label for={props.id}>
        {props.label}
        {props.required === true && <span class="needed"> (needed)</span>}
      </label>
      {props.children}
      <p class={props.error === undefined ? 'hint' : 'hint wrong'} id={`${props.id}-hint`}>
        {props.error ?? props.hint}
      </p>
    </div>
  );
}
