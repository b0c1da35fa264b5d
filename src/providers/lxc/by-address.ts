// Routing by address, as vm-http-proxy did it: a service that leads to the container whose IPv6 address DNS
// gives for the requested host, and a route for all hosts that have no other. Every container is a member,
// whatever it says of itself, under the addresses that its configuration says or at which it is reached.

import type { Claim } from "../../config/discovery.ts";
import { addressedName } from "../../config/provider-settings.ts";
import type { ByAddress, LxcSettings } from "../../config/provider-settings.ts";
import type { Rule } from "../../config/rule.ts";
import type { AddressedService } from "../../config/service.ts";
import type { ExchangeTimeouts, Route } from "../../config/snapshot.ts";
import type { Translated, Translation } from "../labels/translate.ts";
import type { WorkloadAddress } from "../workload.ts";
import { addressesOf } from "./lxc-config.ts";
import type { Container } from "./container.ts";

export interface ByAddressOptions {
  readonly settings: LxcSettings;
  readonly byAddress: ByAddress;
  readonly translation: Translation;
  readonly containers: ReadonlyMap<string, Container>;
  /** At which they are reached, by id. */
  readonly addresses: ReadonlyMap<string, readonly WorkloadAddress[]>;
}

export function withByAddress({
  settings,
  byAddress,
  translation,
  containers,
  addresses,
}: ByAddressOptions): Translated {
  const name = addressedName(settings.name);
  const origin = { provider: settings.name, place: `${settings.place}, byAddress` };
  const service: AddressedService = {
    kind: "addressed",
    name,
    origin,
    maintenance: undefined,
    members: Object.fromEntries(membersOf(translation.plain, containers, addresses)),
    settings: byAddress,
  };
  const route: Route = {
    name,
    origin,
    rule: ruleFor(settings.hosts),
    priority: undefined,
    middlewares: [],
    service: name,
    maintenance: undefined,
    timeouts: exchangeTimeouts(settings.defaults.timeouts),
    maxBody: settings.defaults.maxBody,
    errorPages: undefined,
    accessLog: undefined,
  };
  // It stands in the file, so it is older than any container.
  const claim: Claim<Route> = { item: route, tenant: settings.name, since: 1 };
  const { discovery } = translation;
  return {
    ...translation,
    discovery: {
      ...discovery,
      routes: [...discovery.routes, claim],
      services: { ...discovery.services, [name]: service },
    },
  };
}

/** Root of a container can give itself any address: those of the configurations come first, older ones before. */
function membersOf(
  plain: ReadonlyMap<string, string>,
  containers: ReadonlyMap<string, Container>,
  reached: ReadonlyMap<string, readonly WorkloadAddress[]>,
): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  const byAge = [...containers.values()].toSorted(
    (a, b) => a.folder.createdAt - b.folder.createdAt || (a.id < b.id ? -1 : 1),
  );
  const add = (id: string, addresses: readonly string[]) => {
    const service = plain.get(id);
    if (service === undefined) return;
    for (const ip of addresses) {
      if (ip.includes(":") && !members.has(ip)) members.set(ip, service);
    }
  };
  for (const { id, config } of byAge) add(id, addressesOf(config.nics));
  for (const { id } of byAge) add(id, reached.get(id)?.map(({ ip }) => ip) ?? []);
  return members;
}

/** Whatever nobody else claims, as far as this provider may. */
function ruleFor(hosts: readonly string[] | undefined): Rule {
  const rules = (hosts ?? ["*"]).map((host) => ({ kind: "host", host }) as const);
  const [first] = rules;
  return first !== undefined && rules.length === 1 ? first : { kind: "any", rules };
}

function exchangeTimeouts(all: LxcSettings["defaults"]["timeouts"]): ExchangeTimeouts {
  const { body, connect, response, responseBody, tunnel } = all;
  return { body, connect, response, responseBody, tunnel };
}
