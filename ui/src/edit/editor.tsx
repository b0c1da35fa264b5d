// The editor of an item: a form and YAML of the same value, then what it changes, then it is live.

import { useEffect, useMemo, useState } from "preact/hooks";
import { ApiProblem, type Fault, getTagged, send, sentenceOf } from "../api/client.ts";
import { Button } from "../kit/button.tsx";
import { confirm, Dialog } from "../kit/dialog.tsx";
import { SelectField, TextField } from "../kit/field.tsx";
import { Notice } from "../kit/notice.tsx";
import { Tabs } from "../kit/tabs.tsx";
import { toast, toastProblem } from "../kit/toast.ts";
import {
  allItems,
  asBefore,
  type ChangeResult,
  isMapping,
  type Item,
  itemPath,
  type Mapping,
  plainName,
  type Section,
  sectionWords,
  undo,
  writtenOut,
} from "./item.ts";
import { TextDifference } from "./difference.tsx";
import { ItemForm } from "./item-form.tsx";
import { Review } from "./review.tsx";
import { type Schema, schemaOf } from "./schema.ts";
import type { Faults } from "./schema-field.tsx";
import { print, read } from "./yaml.ts";
import { YamlArea } from "./yaml-area.tsx";

export interface EditorProps {
  readonly section: Section;
  /** undefined = a new one that is given a name here. */
  readonly name?: string;
  /** There is one by that name; otherwise it is made. */
  readonly exists?: boolean;
  /** What a new one says at first. */
  readonly first?: Mapping;
  readonly onClose: () => void;
  /** It is live. */
  readonly onDone: () => void;
}

interface Begun {
  readonly schema: Schema;
  readonly services: readonly string[];
  /** As it is in the store; undefined = there is none. */
  readonly before: unknown;
  readonly etag: string | undefined;
}

async function begin({ section, name, exists = false }: EditorProps): Promise<Begun> {
  const [schema, services, tagged] = await Promise.all([
    schemaOf(section),
    section === "services" ? [] : allItems("services"),
    exists && name !== undefined ? getTagged<Item>(itemPath(section, name)) : undefined,
  ]);
  return {
    schema,
    services: services.map(plainName),
    before: tagged?.body.value,
    etag: tagged?.etag,
  };
}

/** Loads what it needs, and begins again when somebody else was faster. */
export function Editor(props: EditorProps) {
  const { section, name, onClose } = props;
  const [begun, setBegun] = useState<Begun | undefined>(undefined);
  const [trouble, setTrouble] = useState<string | undefined>(undefined);
  const [round, setRound] = useState(0);
  useEffect(() => {
    begin(props).then(setBegun, (error: unknown) => setTrouble(sentenceOf(error)));
  }, [round]);
  const word = sectionWords[section];
  const title =
    name === undefined ? `New ${word}` : props.exists === true ? name : `New ${word} ${name}`;
  if (begun === undefined) {
    return (
      <Dialog title={title} place="side" wide onClose={onClose}>
        {trouble === undefined ? (
          <p class="muted">Loading …</p>
        ) : (
          <Notice tone="bad">{trouble}</Notice>
        )}
      </Dialog>
    );
  }
  const again = () => {
    setBegun(undefined);
    setRound(round + 1);
  };
  return <OpenEditor key={round} {...props} {...begun} title={title} onAgain={again} />;
}

interface OpenProps extends EditorProps, Begun {
  readonly title: string;
  /** With what there is now. */
  readonly onAgain: () => void;
}

interface Stale {
  readonly value: unknown;
  readonly etag: string | undefined;
}

function OpenEditor(props: OpenProps) {
  const { section, title, onDone, before, onAgain } = props;
  const draft = useDraft(props);
  const onClose = draft.isTouched ? () => leave(props.onClose) : props.onClose;
  const [result, setResult] = useState<ChangeResult | undefined>(undefined);
  const [stale, setStale] = useState<Stale | undefined>(undefined);
  const [etag, setEtag] = useState(props.etag);
  const [wishes, setWishes] = useState<WishesValue>({ note: "", watch: "" });
  const { name, value } = draft;
  const written = asBefore(section, value, before);
  const put = (query: string) =>
    send<ChangeResult>("PUT", `${itemPath(section, name)}?${query}`, written, {
      headers: etag === undefined ? { "If-None-Match": "*" } : { "If-Match": etag },
    });
  /** Faults are shown at their fields, and that somebody was faster is a question. */
  const told = async (error: unknown) => {
    if (!(error instanceof ApiProblem)) throw error;
    setResult(undefined);
    if (error.status === 412) {
      const now = await getTagged<Item>(itemPath(section, name));
      setStale({ value: now.body.value, etag: now.etag });
      return;
    }
    draft.setProblem(error);
  };
  const look = () => {
    draft.setProblem(undefined);
    return put("dryRun=true").then(setResult, told);
  };
  const apply = async () => {
    try {
      const said = Object.entries(wishes).filter(([, text]) => text !== "");
      const { revision } = await put(new URLSearchParams(said).toString());
      toast(`${name} is live.`, "good", {
        label: "Undo",
        run: () => undo(revision).then(() => toast(`${name} is as it was.`), toastProblem),
      });
      onDone();
    } catch (error) {
      await told(error);
    }
  };
  if (stale !== undefined) {
    const overwrite = () => {
      setEtag(stale.etag);
      setStale(undefined);
    };
    return (
      <Overtaken {...{ title, onClose, stale, written }} onMine={overwrite} onTheirs={onAgain} />
    );
  }
  const isReady = name !== "" && !draft.isBroken;
  const footer =
    result === undefined ? (
      <>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" icon="right" disabled={!isReady} onClick={look}>
          What changes
        </Button>
      </>
    ) : (
      <>
        <Button onClick={() => setResult(undefined)}>Back</Button>
        <Button kind="primary" icon="check" disabled={result.changed.length === 0} onClick={apply}>
          Apply
        </Button>
      </>
    );
  return (
    <Dialog title={title} place="side" wide onClose={onClose} footer={footer}>
      {result === undefined ? (
        <Writing {...props} draft={draft} />
      ) : (
        <Review result={result}>
          {result.changed.length > 0 && <Wishes value={wishes} onValue={setWishes} />}
        </Review>
      )}
    </Dialog>
  );
}

/** As the API calls them. */
type WishesValue = Readonly<Record<"note" | "watch", string>>;

interface WishesProps {
  readonly value: WishesValue;
  readonly onValue: (value: WishesValue) => void;
}

function Wishes({ value, onValue }: WishesProps) {
  return (
    <div class="settings">
      <SelectField
        label="Take it back by itself"
        hint="When requests to what changes fail that did not before."
        value={value.watch}
        options={[
          ["", "no"],
          ["60s", "within a minute"],
          ["5m", "within five minutes"],
        ]}
        onInput={(watch) => onValue({ ...value, watch })}
      />
      <TextField
        label="Why, for the history"
        value={value.note}
        onInput={(note) => onValue({ ...value, note })}
        input={{ maxLength: 500 }}
      />
    </div>
  );
}

interface Draft {
  readonly name: string;
  readonly setName: (name: string) => void;
  readonly value: Mapping;
  readonly setValue: (value: Mapping) => void;
  readonly text: string;
  readonly setText: (text: string) => void;
  readonly tab: string;
  readonly setTab: (tab: string) => void;
  readonly problem: ApiProblem | undefined;
  readonly setProblem: (problem: ApiProblem | undefined) => void;
  readonly faults: Faults;
  /** A text of it cannot be read. */
  readonly isBroken: boolean;
  readonly textFault: string | undefined;
  /** Something would be lost. */
  readonly isTouched: boolean;
}

/** A key that was pressed, or a click beside it, throws nothing away. */
function leave(onClose: () => void): void {
  confirm({
    title: "Throw away what you wrote?",
    text: "It was not applied.",
    action: "Throw it away",
    isDanger: true,
    perform: () => Promise.resolve(onClose()),
  });
}

/** Of a route: what its clients ask for, as the configuration file would call it. */
function usualName({ host, path }: Mapping): string {
  const first: unknown = Array.isArray(host) ? host[0] : host;
  if (typeof first !== "string") return "";
  return `${first.toLowerCase()}${typeof path === "string" && path !== "/" ? path : ""}`;
}

function useDraft({ section, name: given, before, first = {} }: OpenProps): Draft {
  const start = useMemo(
    () => (before === undefined ? first : writtenOut(section, before)),
    [before],
  );
  const [ownName, setName] = useState<string | undefined>(given);
  const [value, setValueOnly] = useState<Mapping>(start);
  const [text, setTextOnly] = useState(() => print(start));
  const [textFault, setTextFault] = useState<string | undefined>(undefined);
  const [tab, setTabOnly] = useState("form");
  const [problem, setProblem] = useState<ApiProblem | undefined>(undefined);
  const [broken, setBroken] = useState<Readonly<Record<string, string>>>({});
  const name = ownName ?? (section === "routes" ? usualName(value) : "");
  const setText = (typed: string) => {
    setTextOnly(typed);
    const parsed = read(typed);
    if (parsed.kind === "fault") return setTextFault(parsed.message);
    const isUsable = parsed.value === undefined || parsed.value === null || isMapping(parsed.value);
    setTextFault(isUsable ? undefined : "it must be a mapping: KEY: VALUE");
    if (isUsable) setValueOnly(isMapping(parsed.value) ? parsed.value : {});
  };
  const setTab = (next: string) => {
    // What cannot be read would be lost in the form.
    if (textFault !== undefined && next === "form") return toast(`YAML: ${textFault}`, "bad");
    if (next === "yaml") setTextOnly(print(value));
    setTabOnly(next);
  };
  const faults: Faults = {
    at: (path) => problem?.errors.filter(isBelow(path)).map(wordsOf).join("; ") || undefined,
    note(path, message) {
      const key = path.join("/");
      setBroken((all) => {
        const { [key]: _, ...others } = all;
        return message === undefined ? others : { ...others, [key]: message };
      });
    },
  };
  return {
    ...{ name, setName, value, setValue: setValueOnly, text, setText, tab, setTab },
    ...{ problem, setProblem, faults, textFault },
    isTouched: textFault !== undefined || JSON.stringify(value) !== JSON.stringify(start),
    isBroken: textFault !== undefined || Object.keys(broken).length > 0,
  };
}

const isBelow = (path: readonly string[]) => {
  const pointer = path
    .map((each) => `/${each.replaceAll("~", "~0").replaceAll("/", "~1")}`)
    .join("");
  return (fault: Fault) => fault.pointer === pointer || fault.pointer.startsWith(`${pointer}/`);
};

function wordsOf({ message, remedy }: Fault): string {
  return remedy === undefined ? message : `${message}: ${remedy}`;
}

function Writing(props: OpenProps & { readonly draft: Draft }) {
  const { section, schema, services, draft } = props;
  const { name, value, problem, faults } = draft;
  return (
    <>
      {problem !== undefined && <Problem problem={problem} />}
      {props.name === undefined && (
        <TextField
          label="Name"
          hint={
            section === "routes"
              ? "What it is called here: its host and path, unless you say otherwise."
              : undefined
          }
          value={name}
          onInput={draft.setName}
          input={{ autocomplete: "off", spellcheck: false }}
        />
      )}
      <Tabs
        label="How to write it"
        open={draft.tab}
        onOpen={draft.setTab}
        tabs={[
          {
            ...{ id: "form", title: "Form" },
            content: () => (
              <ItemForm
                {...{ section, name, schema, value, faults, services }}
                onValue={draft.setValue}
              />
            ),
          },
          {
            ...{ id: "yaml", title: "YAML" },
            content: () => (
              <YamlArea
                text={draft.text}
                onText={draft.setText}
                schema={schema}
                fault={draft.textFault}
              />
            ),
          },
        ]}
      />
    </>
  );
}

function Problem({ problem }: { readonly problem: ApiProblem }) {
  const { errors, message } = problem;
  return (
    <Notice tone="bad">
      {errors.length === 0 ? message : "Nothing was changed:"}
      {errors.length > 0 && (
        <ul>
          {errors.map((each) => (
            <li key={`${each.pointer} ${each.message}`}>
              {each.pointer !== "" && <code>{each.pointer.slice(1)}</code>} {wordsOf(each)}
            </li>
          ))}
        </ul>
      )}
    </Notice>
  );
}

interface OvertakenProps {
  readonly title: string;
  readonly stale: Stale;
  readonly written: unknown;
  readonly onClose: () => void;
  readonly onMine: () => void;
  readonly onTheirs: () => void;
}

function Overtaken({ title, stale, written, onClose, onMine, onTheirs }: OvertakenProps) {
  const footer = (
    <>
      <Button onClick={onTheirs}>Begin again with theirs</Button>
      <Button kind="danger" onClick={onMine}>
        Go on with mine
      </Button>
    </>
  );
  return (
    <Dialog title={title} place="side" wide onClose={onClose} footer={footer}>
      <Notice tone="warn">
        <strong>Somebody changed it while you did.</strong> Nothing of yours is lost: go on with it,
        and you see what it takes away of theirs before it is applied; or begin again with what
        there is now.
      </Notice>
      <h3>From theirs to yours</h3>
      <TextDifference
        label="From theirs to yours"
        before={print(stale.value)}
        after={print(written)}
      />
    </Dialog>
  );
}
