// `proxy_redirect`, `proxy_cookie_path` and `proxy_cookie_domain`: what answers say of URLs, put right.

import type { Outline, Settings } from "../outline.ts";
import type { Location } from "./locations.ts";
import type { Target } from "./proxy-pass.ts";
import { hostOf } from "./proxy-pass.ts";
import type { Directive, Scope } from "./tree.ts";

/** As `restoreUrls` of a route. */
export function restoredOf(
  target: Target,
  scope: Scope,
  location: Location,
  outline: Outline,
): Settings {
  const redirects = scope.all("proxy_redirect");
  const paths = scope.all("proxy_cookie_path").filter(({ args }) => args[0] !== "off");
  const domains = scope.all("proxy_cookie_domain").filter(({ args }) => args[0] !== "off");
  const isOff = redirects.some(({ args }) => args[0] === "off");
  const usual = usualChange(target, location, scope);
  const changes = [
    ...(isOff
      ? []
      : redirects
          .filter(({ args }) => args[0] !== "default")
          .map((each) => [each, changeOf(each)] as const)),
    ...paths.map((each) => [each, changeOf(each)] as const),
  ];
  const known = changes.flatMap(([directive, change]) => {
    if (change !== undefined) return [change];
    outline.note(
      `${directive.name} ${directive.args.join(" ")}: is not carried over; see restoreUrls`,
      directive,
    );
    return [];
  });
  const [first = isOff || usual === undefined ? undefined : usual, ...more] = known;
  const different = more.filter(({ from, to }) => from !== first?.from || to !== first.to);
  const [other] = changes;
  if (different.length > 0 && other !== undefined) {
    outline.note(
      "proxy_redirect, proxy_cookie_path: a route puts one prefix in the place of another; the first of them counts",
      other[0],
    );
  }
  const cookieDomains = domains.flatMap(({ args: [domain = ""] }) => {
    return /^\.?[\w.-]+$/.test(domain) ? [domain.replace(/^\./, "")] : [];
  });
  if (first === undefined && cookieDomains.length === 0) return {};
  const hosts = [...new Set([...(first?.hosts ?? []), ...known.flatMap((each) => each.hosts)])];
  return {
    restoreUrls: {
      from: first?.from === "" ? "/" : (first?.from ?? "/"),
      to: first?.to === "" ? "/" : (first?.to ?? "/"),
      ...(hosts.length === 0 ? {} : { hosts }),
      ...(cookieDomains.length === 0 ? {} : { cookieDomains }),
    },
  };
}

interface Change {
  readonly from: string;
  readonly to: string;
  readonly hosts: readonly string[];
}

/** `default`: the URL of `proxy_pass` becomes the path of the location. It matters to those that are asked by that URL's host. */
function usualChange({ path }: Target, { kind, text }: Location, scope: Scope): Change | undefined {
  if (
    kind === "pattern" ||
    kind === "exact" ||
    Object.keys(hostOf(scope, undefined)).length === 0
  ) {
    return undefined;
  }
  return { from: folder(path ?? ""), to: path === undefined ? "" : folder(text), hosts: [] };
}

function changeOf({ args }: Directive): Change | undefined {
  const [from = "", to = ""] = args;
  const [, host, path = ""] = /^(?:https?:\/\/([\w.:-]+))?(\/[^$]*)?$/.exec(from) ?? [];
  const [whole, target = "/"] = own.exec(to) ?? [];
  if (whole === undefined || (host === undefined && path === "")) return undefined;
  return { from: folder(path), to: folder(target), hosts: host === undefined ? [] : [host] };
}

/** A path, or one of the host that was asked for. */
const own = /^(?:(?:\$scheme|https?):\/\/\$(?:host|http_host)(?::\$server_port)?)?(\/[^$\s]*)?$/;

function folder(path: string): string {
  return path.replace(/\/+$/, "");
}
