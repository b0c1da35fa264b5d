// Services that lead to other services: split, failover and mirror. Each name is checked here; whether
// they lead in a circle, or speak different protocols, only `service-graph.ts` can tell.

import { nearest } from "../lib/nearest.ts";
import { report } from "./context.ts";
import type { Context } from "./context.ts";
import { storeSource } from "./item.ts";
import { defaultMirror } from "./limits.ts";
import type { Path } from "./problem.ts";
import { defaultPartCookie, resolveSticky } from "./resolve-balance.ts";
import { isScripts } from "./service-parts.ts";
import type { ServiceInput } from "./service-schema.ts";
import type { FailoverService, KeyValue, MirrorService } from "./service.ts";
import type { SplitPart, SplitService } from "./service.ts";

type Own<Kind> = Omit<Kind, "kind" | "name" | "origin" | "maintenance">;

/** Whether there is a service of that name; reports it when not. */
export function checkServiceName(
  context: Context,
  name: string,
  path: Path,
  { at = "value", instead = "" }: { at?: "key" | "value"; instead?: string } = {},
): boolean {
  if (isScripts(name)) {
    const message = `${JSON.stringify(name)} is the program of another service, which says what of it is run`;
    report(context, path, { message, remedy: `write ${name.replace("@scripts", "")}`, at });
    return false;
  }
  if (context.serviceNames.has(name) || isDiscoveredName(context, name)) return true;
  const near = nearest(name, context.serviceNames);
  const [, provider] = /@([^@]*)$/.exec(name) ?? [];
  const usual = near === undefined ? `add it under services${instead}` : `write ${near}`;
  const remedy = provider === undefined ? usual : providerRemedy(context, provider);
  const message = `there is no service ${JSON.stringify(name)}`;
  report(context, path, { message, remedy, at });
  return false;
}

/** As `checkServiceName`, for a part of another service. */
function checkPart(context: Context, name: string, path: Path, at?: "key"): boolean {
  if (!checkServiceName(context, name, path, at && { at })) return false;
  if (!context.addressedNames.has(name)) return true;
  const message = `${name} is found by the requested host, so it cannot be a part of another service`;
  report(context, path, { message, remedy: "let a route lead there by itself", at: at ?? "value" });
  return false;
}

/** `NAME@PROVIDER`: whether somebody of that name is there is known once it runs. */
export function isDiscoveredName({ providerNames, writer }: Context, name: string): boolean {
  // Labels lead to nobody but their own.
  if (writer === "label") return false;
  const at = name.lastIndexOf("@");
  const provider = name.slice(at + 1);
  return at > 0 && (provider === storeSource || providerNames.has(provider));
}

function providerRemedy({ providerNames }: Context, name: string): string {
  const near = nearest(name, providerNames);
  const known = near ?? [...providerNames].join(", ");
  if (known === "") return "after the @ goes a provider, and there is none: add it under providers";
  return `after the @ goes a provider: write ${known}`;
}

export function resolveSplit(context: Context, input: ServiceInput, path: Path): Own<SplitService> {
  const place = [...path, "split"];
  const parts = partsOf(context, input.split ?? [], place);
  const sticky = resolveSticky(context, input.sticky, [...path, "sticky"], defaultPartCookie);
  if (sticky?.kind === "application") {
    const message = "a split knows no sessions but its own";
    const remedy = "write sticky: true, and say this in the services it leads to";
    report(context, [...path, "sticky", "session"], { message, remedy, at: "key" });
  }
  if (input.sticky?.legacy !== undefined) {
    const message = "names a backend, and a split leads to services";
    report(context, [...path, "sticky", "legacy"], { message, remedy: "leave it out", at: "key" });
  }
  if (parts.every(({ weight }) => weight === 0)) {
    const message = "all weights are 0, so whoever asks for none of them gets nothing";
    const remedy = "give at least one a weight of 1 or more";
    report(context, place, { message, remedy });
  }
  return { parts, sticky };
}

type SplitInput = NonNullable<ServiceInput["split"]>;

function partsOf(context: Context, input: SplitInput, place: Path): SplitPart[] {
  if (Array.isArray(input)) {
    return input.map(({ service, weight, when }, index) => {
      const at = [...place, index];
      checkPart(context, service, [...at, "service"]);
      const condition = conditionOf(context, when, [...at, "when"]);
      return { service, weight: weight ?? (when === undefined ? 1 : 0), when: condition };
    });
  }
  return Object.entries(input).map(([service, weight]) => {
    checkPart(context, service, [...place, service], "key");
    return { service, weight, when: undefined };
  });
}

type WhenInput = Exclude<SplitInput, Record<string, number>>[number]["when"];

function conditionOf(context: Context, when: WhenInput, path: Path): KeyValue | undefined {
  if (when === undefined) return undefined;
  const headers = Object.entries(when.header ?? {}).map(([name, value]) => ({
    from: "header" as const,
    name: name.toLowerCase(),
    value,
  }));
  const cookies = Object.entries(when.cookie ?? {}).map(([name, value]) => ({
    from: "cookie" as const,
    name,
    value,
  }));
  const [condition, ...more] = [...headers, ...cookies];
  if (condition === undefined || more.length > 0) {
    const message = "must name one header or one cookie";
    const remedy = 'write { header: { X-Canary: "1" } }; for more, list the service once for each';
    report(context, path, { message, remedy });
  }
  return condition;
}

export function resolveFailover(
  context: Context,
  input: ServiceInput,
  path: Path,
): Own<FailoverService> {
  const services = input.failover ?? [];
  const place = [...path, "failover"];
  for (const [index, name] of services.entries()) {
    if (!checkPart(context, name, [...place, index])) continue;
    if (services.indexOf(name) === index) continue;
    const message = `${name} is listed twice`;
    report(context, [...place, index], { message, remedy: "leave out one of them" });
  }
  if (services.length === 1) {
    const message = "a single service has nobody to fail over to";
    report(context, place, { message, remedy: "add a second one" });
  }
  return { services, statuses: input.statuses ?? [] };
}

export function resolveMirror(
  context: Context,
  input: ServiceInput,
  path: Path,
): Own<MirrorService> {
  const service = input.mirror ?? "";
  checkPart(context, service, [...path, "mirror"]);
  if (input.to === undefined) {
    const message = "says nothing about who gets the copies";
    report(context, [...path, "mirror"], { message, remedy: "add to: { shadow: 10% }", at: "key" });
  }
  const copies = Object.entries(input.to ?? {}).map(([name, percent]) => {
    checkPart(context, name, [...path, "to", name], "key");
    return { service: name, percent };
  });
  return { service, copies, maxBody: input.maxBody ?? defaultMirror.maxBody };
}
