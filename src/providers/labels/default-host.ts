// The host of those who ask for none: the provider's template with what is known of the container. Its name
// was chosen by whoever made it, so it becomes a part of a host name and nothing else.

import { ownName } from "./naming.ts";
import type { Workload } from "../workload.ts";
import type { Wish } from "./wish.ts";

/** HOST or HOST/PATH. */
export function defaultHostOf(template: string, workload: Workload): string {
  const { name, project = "", hostName } = workload;
  const values = new Map([
    ["name", name],
    ["project", project],
    ["role", ownName(workload)],
    ["hostname", hostName === "" ? name : hostName],
  ]);
  const filled = template.replaceAll(/\{([a-z]+)\}/gi, (whole, key: string) => {
    const value = values.get(key.toLowerCase());
    return value === undefined ? whole : hostPart(value);
  });
  const slash = filled.indexOf("/");
  const host = slash === -1 ? filled : filled.slice(0, slash);
  // Without a project `{name}.{project}.test` has an empty part.
  const whole = host.replaceAll(/\.{2,}/g, ".").replaceAll(/^\.|\.$/g, "");
  return slash === -1 ? whole : whole + filled.slice(slash);
}

/** As `host` and `path` of a route say it. */
export function splitHost(text: string): Readonly<Record<string, string>> {
  const slash = text.indexOf("/");
  if (slash === -1) return { host: text };
  return { host: text.slice(0, slash), path: text.slice(slash) };
}

export function defaultWish(workload: Workload, host: string): Wish {
  const name = ownName(workload);
  return {
    dialect: undefined,
    kind: "http",
    name,
    route: splitHost(host),
    service: { ...plainService, name },
    labels: new Map(),
  };
}

/** What is asked for when nothing is said. */
export const plainService = {
  settings: {},
  port: undefined,
  scheme: "http",
  basePath: "",
  weight: 1,
  tier: 0,
  onDemand: undefined,
  network: undefined,
} as const;

function hostPart(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, "-")
    .replaceAll(/^[-.]+|[-.]+$/g, "");
}
