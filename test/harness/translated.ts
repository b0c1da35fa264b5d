// What labels become, in a form that tests can write down: a line for each route, and one for each note.

import type { DiscoverySettings } from "../../src/config/provider-settings.ts";
import { formatRule } from "../../src/config/rule.ts";
import type { MiddlewareUse } from "../../src/config/snapshot.ts";
import { translate } from "../../src/providers/labels/translate.ts";
import type { Translation } from "../../src/providers/labels/translate.ts";
import type { Workload } from "../../src/providers/workload.ts";
import { discoverySettings, workloadOf } from "./workload.ts";

export type Given = Parameters<typeof workloadOf>[0];

export function translated(
  workloads: readonly Given[],
  settings: Partial<DiscoverySettings> = {},
  options: Partial<Parameters<typeof translate>[2]> = {},
): Translation {
  const all: Workload[] = workloads.map((each) => workloadOf(each));
  return translate(all, discoverySettings(settings), {
    exposedByDefault: true,
    withPlainServices: false,
    ...options,
  });
}

/** `NAME: RULE → http://172.18.0.2:80, …`, sorted. */
export function routeLines({ discovery }: Translation): string[] {
  const all = [...discovery.routes, ...discovery.streamRoutes].map(({ item }) => {
    const uses = "middlewares" in item ? item.middlewares.map(useText) : [];
    const service = item.service === undefined ? undefined : discovery.services[item.service];
    const ends =
      service?.kind === "backends"
        ? [service.backends.map(({ url }) => url).join(" ") || "nobody"]
        : [];
    return `${item.name}: ${formatRule(item.rule)} → ${[...uses, ...ends].join(" → ")}`;
  });
  return all.toSorted();
}

/** `severity label: message; remedy`, of all findings. */
export function noteLines({ findings }: Translation): string[] {
  return findings.flatMap(({ notes }) =>
    notes.map(({ severity, about, message, remedy }) => {
      const place = about === "" ? "" : ` ${about}:`;
      return `${severity}${place} ${message}${remedy === undefined ? "" : `; ${remedy}`}`;
    }),
  );
}

function useText({ kind, ...settings }: MiddlewareUse): string {
  if (kind === "respond") return `respond ${"status" in settings ? settings.status : ""}`;
  const values = Object.values(settings).filter((value) => value !== undefined && value !== "");
  return [kind, ...values.map(String)].join(" ");
}
