// The form of an item: what most people say comes first, all other settings are below, by name.

import { useMemo, useState } from "preact/hooks";
import { Search } from "../kit/field.tsx";
import { BackendsField } from "./backends-field.tsx";
import type { Mapping, Section } from "./item.ts";
import { MiddlewaresField } from "./middlewares-field.tsx";
import type { Schema } from "./schema.ts";
import { type Faults, plain, Setting, withKey } from "./schema-field.tsx";

export interface FormProps {
  readonly section: Section;
  /** As the item is called; of a new one what it will be called. */
  readonly name: string;
  readonly schema: Schema;
  readonly value: Mapping;
  readonly onValue: (value: Mapping) => void;
  readonly faults: Faults;
  /** Names of services, to choose from. */
  readonly services: readonly string[];
}

interface Common {
  readonly key: string;
  readonly label: string;
  readonly hint?: string;
  readonly placeholder?: string;
}

const ofRoutes: readonly Common[] = [
  {
    ...{ key: "host", label: "Host names", placeholder: "shop.example.com" },
    hint: "With commas between them; *.example.com is every name below, * every host. Without any, what it is called says it.",
  },
  { key: "path", label: "Path", placeholder: "/api" },
  {
    ...{ key: "service", label: "Leads to", placeholder: "http://10.0.0.5:3000" },
    hint: "A URL, several with commas between them, or the name of a service.",
  },
  {
    ...{ key: "redirect", label: "Or redirects to", placeholder: "https://{host}{uri}" },
    hint: "Placeholders: {scheme} {host} {uri} {path} {query}.",
  },
  { key: "tls", label: "Certificate" },
  { key: "forceHttps", label: "Only https" },
];

const ofTcpRoutes: readonly Common[] = [
  { key: "listener", label: "Listeners", placeholder: "postgres" },
  { key: "sni", label: "TLS names", placeholder: "db.example.com" },
  {
    ...{ key: "service", label: "Leads to", placeholder: "tcp://10.0.0.5:5432" },
    hint: "A URL, several with commas between them, or the name of a service.",
  },
  { key: "tls", label: "TLS ends here" },
];

const ofServices: readonly Common[] = [
  { key: "balance", label: "Balance" },
  { key: "check", label: "Check", placeholder: "/health" },
  { key: "sticky", label: "Sticky sessions" },
];

const commons: Readonly<Record<Section, readonly Common[]>> = {
  routes: ofRoutes,
  overlays: ofRoutes,
  services: ofServices,
  tcpRoutes: ofTcpRoutes,
};

export function ItemForm(props: FormProps) {
  const { section, name, schema, value, onValue, faults, services } = props;
  const [words, setWords] = useState("");
  const properties = schema.properties ?? {};
  const first = commons[section].filter(({ key }) => key in properties);
  const set = (key: string) => (next: unknown) => onValue(withKey(value, key, next));
  const own = new Set([...first.map(({ key }) => key), "middlewares", "backends"]);
  const hasMiddlewares = "middlewares" in properties;
  const rest = useMemo(
    () =>
      Object.entries(properties).filter(
        ([key, { description = "" }]) =>
          !own.has(key) && `${key} ${description}`.toLowerCase().includes(words.toLowerCase()),
      ),
    [schema, words, section],
  );
  return (
    <div class="stack">
      <datalist id="known-services">
        {services.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
      {section === "services" && (
        <BackendsField
          value={value["backends"]}
          onValue={set("backends")}
          schema={properties["backends"] ?? {}}
          faults={faults}
        />
      )}
      <div class="settings">
        {first.map(({ key, ...words_ }) => (
          <Setting
            key={key}
            {...words_}
            path={[key]}
            schema={properties[key] ?? {}}
            value={value[key]}
            onValue={set(key)}
            faults={faults}
            {...(key === "service" ? { list: "known-services" } : {})}
            {...(key === "host" && name !== "" ? { placeholder: name.replace(/@.*$/, "") } : {})}
          />
        ))}
      </div>
      {hasMiddlewares && (
        <MiddlewaresField
          value={value["middlewares"]}
          onValue={set("middlewares")}
          faults={faults}
          about={plain(properties["middlewares"]?.description ?? "")}
        />
      )}
      <details class="group">
        <summary>All settings</summary>
        <div class="stack">
          <Search label="Find a setting" value={words} onInput={setWords} />
          <div class="settings">
            {rest.map(([key, each]) => (
              <Setting
                key={key}
                path={[key]}
                label={key}
                schema={each}
                value={value[key]}
                onValue={set(key)}
                faults={faults}
              />
            ))}
            {rest.length === 0 && <p class="muted">No setting is like that.</p>}
          </div>
        </div>
      </details>
    </div>
  );
}
