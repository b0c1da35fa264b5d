// What becomes of a request, step by step, without sending it: asked of the same table that serves.

import { useEffect, useState } from "preact/hooks";
import type { Explanation } from "../../../src/explain/explanation.ts";
import { ApiProblem, send } from "../api/client.ts";
import { Button } from "../kit/button.tsx";
import { AreaField, SelectField, TextField } from "../kit/field.tsx";
import { Empty, Failed, Notice } from "../kit/notice.tsx";
import { Card, Page } from "../kit/page.tsx";
import { href, place } from "../router.ts";
import { status } from "../shell/status.ts";
import { ExplanationSteps } from "./explain-steps.tsx";
import "../styles/explain.css";

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

interface Wanted {
  readonly method: string;
  readonly url: string;
  readonly from: string;
  readonly listener: string;
  /** As written: `Name: value` lines. */
  readonly headers: string;
}

function wantedOf(query: URLSearchParams): Wanted {
  const of = (name: string) => query.get(name) ?? "";
  const headers = of("headers");
  return {
    method: of("method") || "GET",
    url: of("url"),
    from: of("from"),
    listener: of("listener"),
    headers,
  };
}

export function ExplainPage() {
  const [wanted, setWanted] = useState(() => wantedOf(place.value.query));
  const [found, setFound] = useState<Explanation | undefined>(undefined);
  const [error, setError] = useState<unknown>(undefined);
  const asked = place.value.query.toString();
  useEffect(() => {
    const now = wantedOf(new URLSearchParams(asked));
    if (now.url === "") return;
    setWanted(now);
    explain(now).then(
      (answer) => {
        setFound(answer);
        setError(undefined);
      },
      (problem) => {
        setFound(undefined);
        setError(problem);
      },
    );
  }, [asked]);
  const submit = () => {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(wanted)) if (value !== "") query.set(name, value);
    const next = `${href("explain")}?${query}`;
    // Asked for once more: what is configured may be another by now.
    if (location.hash === next) void explain(wanted).then(setFound, setError);
    else location.hash = next.slice(1);
  };
  return (
    <Page
      title="Explain"
      about="What would become of a request: nothing is sent to anybody. The address of this page can be shared."
    >
      <Card>
        <ExplainForm wanted={wanted} onChange={setWanted} onSubmit={submit} />
      </Card>
      <Result found={found} error={error} />
    </Page>
  );
}

interface FormProps {
  readonly wanted: Wanted;
  readonly onChange: (wanted: Wanted) => void;
  readonly onSubmit: () => void;
}

function ExplainForm({ wanted, onChange, onSubmit }: FormProps) {
  const set = (name: keyof Wanted) => (value: string) => onChange({ ...wanted, [name]: value });
  const listeners = status.value?.listeners.map(({ name }) => name) ?? [];
  return (
    <form
      class="explain-form"
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      <SelectField label="Method" value={wanted.method} options={methods} onInput={set("method")} />
      <TextField
        label="URL"
        value={wanted.url}
        onInput={set("url")}
        input={{
          ...{ required: true, placeholder: "https://shop.example.com/cart", inputMode: "url" },
          ...{ autocomplete: "off", spellcheck: false },
        }}
      />
      <Button type="submit" kind="primary" icon="explain">
        Explain
      </Button>
      <details open={wanted.from + wanted.listener + wanted.headers !== ""}>
        <summary>Client, listener, headers</summary>
        <div class="explain-more">
          <TextField
            label="From"
            value={wanted.from}
            onInput={set("from")}
            hint="IP address of the client; empty = somebody on the internet."
            input={{ placeholder: "203.0.113.9", autocomplete: "off" }}
          />
          <SelectField
            label="Listener"
            value={wanted.listener}
            options={[["", "The one for the URL"], ...listeners]}
            onInput={set("listener")}
          />
          <AreaField
            label="Headers"
            mono
            rows={3}
            value={wanted.headers}
            onInput={set("headers")}
            placeholder="Cookie: beta=1"
            hint="One a line, Name: value."
          />
        </div>
      </details>
    </form>
  );
}

function explain({ method, url, from, listener, headers }: Wanted): Promise<Explanation> {
  return send<Explanation>("POST", "/v1/explain", {
    ...{ method, url, headers: headersOf(headers) },
    ...(from === "" ? {} : { from }),
    ...(listener === "" ? {} : { listener }),
  });
}

function headersOf(text: string): readonly (readonly [string, string])[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const colon = line.indexOf(":");
      return colon === -1
        ? ([line.trim(), ""] as const)
        : ([line.slice(0, colon).trim(), line.slice(colon + 1).trim()] as const);
    });
}

function Result({
  found,
  error,
}: {
  readonly found: Explanation | undefined;
  readonly error: unknown;
}) {
  if (error instanceof ApiProblem && !error.isMissing) {
    return (
      <Notice tone="bad">
        {error.message}
        {error.errors.map(({ pointer, message }) => (
          <div key={pointer}>{message}</div>
        ))}
      </Notice>
    );
  }
  if (error !== undefined) return <Failed what="Explanations" error={error} />;
  if (found !== undefined) return <ExplanationSteps found={found} />;
  return (
    <Empty icon="explain" title="Which route takes a request, and why?">
      Write a URL above, as a client asks for it.
    </Empty>
  );
}
