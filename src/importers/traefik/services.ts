// Services of Traefik's file: servers, and services of services. Their further settings are read as in labels.

import { newDraft } from "../../providers/labels/traefik-draft.ts";
import type { Draft } from "../../providers/labels/traefik-draft.ts";
import type { Section } from "../../providers/labels/traefik-labels.ts";
import { readService } from "../../providers/labels/traefik-services.ts";
import type { Outline, Place, Settings } from "../outline.ts";
import { shown } from "../outline.ts";
import { labelName, listOf, textOf, valueOf } from "./flat.ts";

export interface ServiceOptions {
  readonly outline: Outline;
  readonly section: Section | undefined;
  readonly place: Place;
  tell(draft: Draft): void;
  /** `tls` of a service that is spoken to in TLS. */
  transport(name: string | undefined): Settings;
}

/** As under `services`; undefined = nothing can be made of it. */
export function httpService(value: unknown, options: ServiceOptions): Settings | undefined {
  const { outline, place } = options;
  const balancer = valueOf(value, "loadBalancer");
  if (balancer !== undefined) return balanced(balancer, options);
  const weighted = valueOf(value, "weighted");
  if (weighted !== undefined) {
    const parts = listOf(valueOf(weighted, "services")).flatMap((each) => {
      const name = reference(valueOf(each, "name"));
      const weight = Number(valueOf(each, "weight") ?? 1);
      return name === undefined || !Number.isInteger(weight) ? [] : [[name, weight] as const];
    });
    const sticky = valueOf(weighted, "sticky") === undefined ? {} : { sticky: true };
    return parts.length === 0 ? undefined : { split: Object.fromEntries(parts), ...sticky };
  }
  const mirroring = valueOf(value, "mirroring");
  const main = reference(valueOf(mirroring, "service"));
  if (main !== undefined) {
    const copies = listOf(valueOf(mirroring, "mirrors")).flatMap((each) => {
      const name = reference(valueOf(each, "name"));
      return name === undefined
        ? []
        : [[name, `${Number(valueOf(each, "percent") ?? 0)}%`] as const];
    });
    return { mirror: main, to: Object.fromEntries(copies) };
  }
  const failover = valueOf(value, "failover");
  const names = ["service", "fallback"].map((key) => reference(valueOf(failover, key)));
  const known = names.filter((name) => name !== undefined);
  if (known.length > 0) return { failover: known };
  outline.note("this service is of a kind that is not known here", place);
  return undefined;
}

function reference(value: unknown): string | undefined {
  const text = textOf(value);
  return text === undefined || text === "" ? undefined : labelName(text.replace(/@file$/, ""));
}

function balanced(balancer: unknown, options: ServiceOptions): Settings | undefined {
  const { outline, section, place, tell } = options;
  const backends = listOf(valueOf(balancer, "servers")).flatMap((server) => {
    const url = textOf(valueOf(server, "url")) ?? "";
    const written = urlOf(url, valueOf(server, "preservePath") === true);
    if (written === undefined) {
      outline.note(`the server ${shown(url)} is no http, https or h2c URL, and is left out`, place);
      return [];
    }
    const weight = Number(valueOf(server, "weight") ?? 1);
    return [weight === 1 || !Number.isInteger(weight) ? written : { url: written, weight }];
  });
  if (backends.length === 0) {
    outline.note("this service has no server", place);
    return undefined;
  }
  const draft = newDraft();
  const parts = section === undefined ? undefined : readService(withoutServers(section), draft);
  tell(draft);
  const name = textOf(valueOf(balancer, "serversTransport"))?.replace(/@file$/, "");
  const isSecure = JSON.stringify(backends).includes('"https://');
  const secured = isSecure ? options.transport(name) : {};
  const settings = Object.fromEntries(parts?.settings ?? []);
  return { backends, balance: "round-robin", ...settings, ...secured };
}

/** Of the path of a server's URL Traefik makes nothing unless it is told to. */
function urlOf(text: string, keepsPath: boolean): string | undefined {
  const [, start, path = ""] = /^((?:https?|h2c):\/\/[^/?#\s]+)(\/[^?#\s]*)?$/i.exec(text) ?? [];
  if (start === undefined) return undefined;
  return keepsPath ? `${start}${path}` : start;
}

function withoutServers(section: Section): Section {
  const kept = [...section.values].filter(([key]) => {
    return !/^loadbalancer\.(servers|serverstransport)/.test(key);
  });
  return { name: section.name, values: new Map(kept) };
}

/** Of `tcp` and `udp`. */
export function streamService(
  value: unknown,
  scheme: "tcp" | "udp",
  transport: (name: string | undefined) => Settings = () => ({}),
): Settings | undefined {
  const balancer = valueOf(value, "loadBalancer");
  const backends = listOf(valueOf(balancer, "servers")).flatMap((server) => {
    const address = textOf(valueOf(server, "address")) ?? "";
    const isSecure = scheme === "tcp" && valueOf(server, "tls") === true;
    return /^[^\s/]+:\d{1,5}$/.test(address) ? [`${isSecure ? "tls" : scheme}://${address}`] : [];
  });
  const version = textOf(valueOf(valueOf(balancer, "proxyProtocol"), "version"));
  if (backends.length === 0) return undefined;
  const name = textOf(valueOf(balancer, "serversTransport"))?.replace(/@file$/, "");
  return {
    backends,
    ...(version === undefined ? {} : { proxyProtocol: `v${version}` }),
    ...(backends.some((each) => each.startsWith("tls:")) ? transport(name) : {}),
  };
}
