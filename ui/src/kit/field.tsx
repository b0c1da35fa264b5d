// Fields of forms: a label that is seen, a hint, and what is wrong, tied together for who cannot see them.

import type { ComponentChildren, InputHTMLAttributes } from "preact";
import { useId } from "preact/hooks";
import { Icon } from "./icon.tsx";

export interface FieldProps {
  readonly label: string;
  readonly hint?: ComponentChildren;
  /** What is wrong with it. */
  readonly fault?: string | undefined;
}

interface Tied {
  readonly id: string;
  readonly class: string;
  readonly "aria-describedby": string | undefined;
  readonly "aria-invalid": boolean;
}

/** For inputs of any kind: `children` gets what ties its input to the label. */
export function Field({
  label,
  hint,
  fault,
  children,
}: FieldProps & { readonly children: (tied: Tied) => ComponentChildren }) {
  const id = useId();
  const described = [hint !== undefined && `${id}-hint`, fault !== undefined && `${id}-fault`];
  const words = described.filter((each) => each !== false).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        class: "input",
        "aria-describedby": words === "" ? undefined : words,
        "aria-invalid": fault !== undefined,
      })}
      {hint !== undefined && (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
      {fault !== undefined && (
        <span class="fault" id={`${id}-fault`}>
          {fault}
        </span>
      )}
    </div>
  );
}

export interface TextProps extends FieldProps {
  readonly value: string;
  readonly onInput: (value: string) => void;
  /** Anything else that an input may have. */
  readonly input?: InputHTMLAttributes;
}

export function TextField({ value, onInput, input, ...field }: TextProps) {
  return (
    <Field {...field}>
      {(tied) => (
        <input {...input} {...tied} value={value} onInput={(e) => onInput(e.currentTarget.value)} />
      )}
    </Field>
  );
}

export interface AreaProps extends FieldProps {
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly rows?: number;
  readonly mono?: boolean;
  readonly placeholder?: string;
}

export function AreaField({ value, onInput, rows = 4, mono, placeholder, ...field }: AreaProps) {
  return (
    <Field {...field}>
      {(tied) => (
        <textarea
          {...tied}
          class={`input ${mono === true ? "mono" : ""}`}
          rows={rows}
          placeholder={placeholder}
          spellcheck={mono !== true}
          value={value}
          onInput={(e) => onInput(e.currentTarget.value)}
        />
      )}
    </Field>
  );
}

export interface SelectProps extends FieldProps {
  readonly value: string;
  /** Values, or values with what is shown for them. */
  readonly options: readonly (string | readonly [value: string, shown: string])[];
  readonly onInput: (value: string) => void;
}

export function SelectField({ value, options, onInput, ...field }: SelectProps) {
  return (
    <Field {...field}>
      {(tied) => (
        <select {...tied} value={value} onInput={(e) => onInput(e.currentTarget.value)}>
          {options.map((each) => {
            const [key, shown] = typeof each === "string" ? [each, each] : each;
            return (
              <option key={key} value={key}>
                {shown}
              </option>
            );
          })}
        </select>
      )}
    </Field>
  );
}

export interface SwitchProps {
  readonly label: string;
  readonly value: boolean;
  readonly onInput: (value: boolean) => void;
  readonly disabled?: boolean;
}

export function Switch({ label, value, onInput, disabled = false }: SwitchProps) {
  return (
    <label class="switch">
      <input
        type="checkbox"
        role="switch"
        checked={value}
        disabled={disabled}
        onInput={(e) => onInput(e.currentTarget.checked)}
      />
      {label}
    </label>
  );
}

export interface SearchProps {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
}

/** A filter above a list; its label is in it. */
export function Search({ label, value, onInput }: SearchProps) {
  return (
    <div class="search">
      <Icon name="search" />
      <input
        type="search"
        class="input"
        aria-label={label}
        placeholder={label}
        autocomplete="off"
        spellcheck={false}
        value={value}
        onInput={(e) => onInput(e.currentTarget.value)}
      />
    </div>
  );
}

export interface ChoiceProps<Value extends string> {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly (readonly [value: Value, shown: string])[];
  readonly onInput: (value: Value) => void;
}

/** One of a few, all of them seen. */
export function Choice<Value extends string>(props: ChoiceProps<Value>) {
  return (
    <div class="choice" role="group" aria-label={props.label}>
      {props.options.map(([value, shown]) => (
        <button
          key={value}
          type="button"
          aria-pressed={props.value === value}
          onClick={() => props.onInput(value)}
        >
          {shown}
        </button>
      ))}
    </div>
  );
}
