// A field of a form for one setting, made from what the program says about it.

import { useEffect, useState } from "preact/hooks";
import { AreaField, SelectField, TextField } from "../kit/field.tsx";
import { isMapping, type Mapping, scalarText } from "./item.ts";
import { type Kind, kindOf, type Schema } from "./schema.ts";
import { print, read } from "./yaml.ts";

export interface SettingProps {
  /** Keys that lead to it. */
  readonly path: readonly string[];
  readonly label: string;
  readonly schema: Schema;
  /** undefined = it is not said. */
  readonly value: unknown;
  readonly onValue: (value: unknown) => void;
  readonly faults: Faults;
  readonly hint?: string | undefined;
  /** Id of a list of proposals. */
  readonly list?: string;
  readonly placeholder?: string;
}

/** What is wrong, and where. */
export interface Faults {
  /** Of what is at this place or below it. */
  at(path: readonly string[]): string | undefined;
  /** A text that cannot be read; undefined = it can be by now. */
  note(path: readonly string[], message: string | undefined): void;
}

/** Of Markdown, without its marks; `*.example.com` is none. */
export const plain = (text: string) =>
  text.replaceAll("`", "").replaceAll(/\*([A-Za-z]+)\*/g, "$1");

const shownDefault = (schema: Schema) =>
  schema.default === undefined ? "" : scalarText(schema.default);

export function Setting(props: SettingProps) {
  const { schema, value, path, faults, label } = props;
  const kind = kindOf(schema);
  const hint = props.hint ?? plain(schema.description ?? "");
  const common = { label, hint: hint === "" ? undefined : hint, fault: faults.at(path) };
  if (!fits(kind, value)) return <YamlSetting {...props} {...common} />;
  switch (kind.kind) {
    case "flag":
    case "choice":
      return <Choices {...props} {...common} kind={kind} />;
    case "group":
      return <Group {...props} properties={kind.properties} />;
    case "any":
      return <YamlSetting {...props} {...common} />;
    default:
      return <Line {...props} {...common} kind={kind.kind} />;
  }
}

/** What is written in another form than the field's is shown as it is written. */
function fits(kind: Kind, value: unknown): boolean {
  if (value === undefined) return true;
  switch (kind.kind) {
    case "flag":
      return typeof value === "boolean";
    case "choice":
      return typeof value === "string" || typeof value === "boolean";
    case "number":
      return typeof value === "number";
    case "text":
      return typeof value === "string" || typeof value === "number";
    case "texts":
      return typeof value === "string" || (Array.isArray(value) && value.every(isText));
    case "group":
      return isMapping(value);
    case "any":
      return true;
  }
}

const isText = (value: unknown) => typeof value === "string";

type Common = SettingProps & {
  readonly fault: string | undefined;
};

function Choices({
  kind,
  schema,
  value,
  onValue,
  ...common
}: Common & { readonly kind: Extract<Kind, { kind: "flag" | "choice" }> }) {
  const usual = shownDefault(schema);
  const words = kind.kind === "flag" ? ["true", "false"] : kind.options;
  const shown = (word: string) => (word === "true" ? "yes" : word === "false" ? "no" : word);
  const first = usual === "" ? "as usual" : `as usual: ${shown(usual)}`;
  return (
    <SelectField
      {...props(common)}
      value={value === undefined ? "" : scalarText(value)}
      options={[["", first], ...words.map((word): [string, string] => [word, shown(word)])]}
      onInput={(word) => {
        if (word === "") onValue(undefined);
        else onValue(word === "true" ? true : word === "false" ? false : word);
      }}
    />
  );
}

const props = ({ label, hint, fault }: Pick<Common, "label" | "hint" | "fault">) => ({
  label,
  fault,
  ...(hint === undefined ? {} : { hint }),
});

/** One line of text. What is written in between, `a,` on the way to `a, b`, stays as it is typed. */
function Line({
  kind,
  schema,
  value,
  onValue,
  list,
  placeholder,
  ...common
}: Common & { readonly kind: "number" | "text" | "texts" }) {
  const [typed, setTyped] = useState(() => lineOf(value));
  useEffect(() => {
    if (JSON.stringify(valueOf(kind, typed)) !== JSON.stringify(value)) setTyped(lineOf(value));
  }, [value]);
  const usual = shownDefault(schema);
  return (
    <TextField
      {...props(common)}
      value={typed}
      onInput={(text) => {
        setTyped(text);
        onValue(valueOf(kind, text));
      }}
      input={{
        type: "text",
        placeholder: placeholder ?? usual,
        autocomplete: "off",
        spellcheck: false,
        ...(kind === "number" ? { inputMode: "numeric" } : {}),
        ...(list === undefined ? {} : { list }),
      }}
    />
  );
}

function lineOf(value: unknown): string {
  if (value === undefined) return "";
  return Array.isArray(value) ? value.join(", ") : scalarText(value);
}

function valueOf(kind: "number" | "text" | "texts", text: string): unknown {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  if (kind === "number") {
    const number = Number(trimmed);
    // What is no number is told by the program, which says what to write instead.
    return Number.isFinite(number) ? number : trimmed;
  }
  if (kind === "text") return trimmed;
  const all = trimmed.split(/[\s,]+/).filter((each) => each !== "");
  return all.length === 1 ? all[0] : all;
}

/** Whatever has no field of its own. */
export function YamlSetting({
  path,
  value,
  onValue,
  faults,
  label,
  hint,
  placeholder,
}: SettingProps) {
  const [text, setText] = useState(() => print(value));
  const [fault, setFault] = useState<string | undefined>(undefined);
  useEffect(() => {
    const parsed = read(text);
    const isSame =
      parsed.kind === "value" && JSON.stringify(parsed.value) === JSON.stringify(value);
    if (!isSame && parsed.kind === "value") setText(print(value));
  }, [value]);
  useEffect(() => () => faults.note(path, undefined), []);
  const change = (typed: string) => {
    setText(typed);
    const parsed = read(typed);
    const message = parsed.kind === "fault" ? parsed.message : undefined;
    setFault(message);
    faults.note(path, message);
    if (parsed.kind === "value") onValue(parsed.value ?? undefined);
  };
  return (
    <AreaField
      {...props({ label, hint, fault: fault ?? faults.at(path) })}
      value={text}
      onInput={change}
      rows={Math.min(12, Math.max(2, text.split("\n").length))}
      mono
      placeholder={placeholder ?? "YAML"}
    />
  );
}

function Group({
  path,
  label,
  schema,
  value,
  onValue,
  faults,
  properties,
}: SettingProps & { readonly properties: Readonly<Record<string, Schema>> }) {
  const mapping = isMapping(value) ? value : {};
  const hint = plain(schema.description ?? "");
  return (
    <details class="group" open={value !== undefined || faults.at(path) !== undefined}>
      <summary>
        {label} <span class="muted small">{hint}</span>
      </summary>
      <div class="settings">
        {Object.entries(properties).map(([key, each]) => (
          <Setting
            key={key}
            path={[...path, key]}
            label={key}
            schema={each}
            value={mapping[key]}
            faults={faults}
            onValue={(next) => onValue(emptied(withKey(mapping, key, next)))}
          />
        ))}
      </div>
    </details>
  );
}

/** Without the key when there is nothing to say; the order of the others stays. */
export function withKey(mapping: Mapping, key: string, value: unknown): Mapping {
  if (value !== undefined) return { ...mapping, [key]: value };
  const { [key]: _, ...rest } = mapping;
  return rest;
}

function emptied(mapping: Mapping): Mapping | undefined {
  return Object.keys(mapping).length === 0 ? undefined : mapping;
}
