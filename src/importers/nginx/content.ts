// What answers in a location of nginx: a backend, a fixed answer, or files and FastCGI, which are not there yet.

import { parsePattern } from "../../config/pattern.ts";
import type { Outline, Settings } from "../outline.ts";
import { shown } from "../outline.ts";
import type { Directive, Scope } from "./tree.ts";
import type { Target } from "./proxy-pass.ts";
import { targetOf } from "./proxy-pass.ts";
import { isEveryPath, pathRewrite, redirectTarget, urlRewrite } from "./values.ts";

export type Content =
  | { readonly kind: "proxy"; readonly target: Target }
  /** A route's own keys. */
  | { readonly kind: "answer"; readonly route: Settings }
  /** Keys that would say it; nothing can be made of them yet. */
  | { readonly kind: "later"; readonly what: string; readonly settings: Settings }
  /** To the same host with https. */
  | { readonly kind: "https" };

export interface ContentOptions {
  readonly outline: Outline;
  readonly serverName: string;
  /** `location @name` to what is in it. */
  readonly named: ReadonlyMap<string, readonly Directive[]>;
  /** Where it stands, for notes. */
  readonly place: Directive;
}

const others = ["uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass"];

export interface Found {
  readonly content: Content;
  /** Where that stands: in the location, or in the named one that it goes on to. */
  readonly at: Scope;
}

/** `scope` ends with the location. */
export function contentOf(scope: Scope, options: ContentOptions): Found {
  const own = answerOf(scope, options);
  if (own !== undefined) return { content: own, at: scope };
  const fallback = fallbackOf(scope, options);
  if (fallback !== undefined) return contentOf(fallback, { ...options, named: new Map() });
  const { place, outline } = options;
  return { content: filesOf(scope, options) ?? nothing(place, outline), at: scope };
}

function answerOf(scope: Scope, options: ContentOptions): Content | undefined {
  const { outline } = options;
  const [answer] = scope.own("return");
  if (answer !== undefined) return returned(answer, scope, options);
  const [pass] = scope.own("proxy_pass");
  if (pass !== undefined) {
    const target = targetOf(pass, scope);
    if (target !== undefined) return { kind: "proxy", target };
    const text = `proxy_pass ${shown(pass.args.join(" "))}: where it leads depends on variables or has a query; say it as routes of their own`;
    outline.note(text, pass);
    return { kind: "later", what: "a backend by variables", settings: {} };
  }
  const [fastCgi] = scope.own("fastcgi_pass");
  if (fastCgi !== undefined) {
    outline.note(
      "fastcgi_pass: FastCGI is not there yet; what it will need is at the end",
      fastCgi,
    );
    return { kind: "later", what: "FastCGI", settings: fastCgiOf(fastCgi, scope) };
  }
  const [other] = scope.own(...others);
  if (other !== undefined) {
    outline.note(`${other.name}: this protocol is not there yet`, other);
    return { kind: "later", what: other.name, settings: { [other.name]: other.args[0] ?? "" } };
  }
  return undefined;
}

function nothing(place: Directive, outline: Outline): Content {
  outline.note("nothing in it answers but the files that came with nginx", place);
  return { kind: "answer", route: { respond: { status: 404, body: "There is nothing here.\n" } } };
}

/** The named location where it goes on when the files are not found: that is carried over. */
function fallbackOf(scope: Scope, { outline, named, place }: ContentOptions): Scope | undefined {
  const tries = scope.one("try_files");
  const last = tries?.args.at(-1) ?? "";
  const block = last.startsWith("@") ? named.get(last) : undefined;
  if (tries === undefined || block === undefined) return undefined;
  const text = `try_files: files are not looked for yet, all goes to ${last}; what it will need is at the end`;
  outline.note(text, tries);
  const root = scope.one("alias") ?? scope.one("root");
  outline.later(...laterLines(place, { files: filesSettings(root, tries, scope) }));
  return scope.within(block);
}

function filesOf(scope: Scope, { outline, place }: ContentOptions): Content | undefined {
  const root = scope.one("alias") ?? scope.one("root");
  const tries = scope.one("try_files");
  if (root === undefined && tries === undefined) return undefined;
  const about = scope.own("root", "alias", "try_files")[0] ?? place;
  outline.note("files are not served yet; what it will need is at the end", about);
  return { kind: "later", what: "files", settings: { files: filesSettings(root, tries, scope) } };
}

function filesSettings(root: Directive | undefined, tries: Directive | undefined, scope: Scope) {
  const index = scope.one("index");
  return {
    ...(root === undefined ? {} : { [root.name]: root.args[0] ?? "" }),
    ...(index === undefined ? {} : { index: index.args }),
    ...(tries === undefined ? {} : { try: tries.args }),
  };
}

function fastCgiOf(pass: Directive, scope: Scope): Settings {
  const params = scope.all("fastcgi_param").map(({ args }) => {
    return [args[0] ?? "", args[1] ?? ""] as const;
  });
  const root = scope.one("root");
  const index = scope.one("fastcgi_index");
  return {
    fastcgi: pass.args[0] ?? "",
    ...(root === undefined ? {} : { root: root.args[0] ?? "" }),
    ...(index === undefined ? {} : { index: index.args[0] ?? "" }),
    ...(params.length === 0 ? {} : { params: Object.fromEntries(params) }),
  };
}

/** In flow style, a line each, so that it can be moved below `routes`. */
export function laterLines({ name, args, file, line }: Directive, settings: Settings): string[] {
  const title = `${name} ${args.join(" ")}`.trim().slice(0, 200);
  return [`${title} (${file}:${line}):`, `  ${JSON.stringify(settings)}`];
}

function returned(
  directive: Directive,
  scope: Scope,
  { outline, serverName }: ContentOptions,
): Content {
  const [first = "", second] = directive.args;
  const isStatus = /^\d{3}$/.test(first);
  const status = isStatus ? Number(first) : 302;
  const text = isStatus ? second : first;
  if ([301, 302, 303, 307, 308].includes(status) && text !== undefined) {
    if (/^https:\/\/(\$host|\$http_host|\$server_name)\$request_uri$/.test(text)) {
      return { kind: "https" };
    }
    const to = redirectTarget(text, serverName);
    if (to !== undefined && /^([a-z]+:\/\/.|\/|\{)/i.test(to)) {
      return { kind: "answer", route: { redirect: { to, status } } };
    }
    outline.note(
      `return ${shown(text)}: this target is not understood, and answers 503`,
      directive,
    );
    return { kind: "answer", route: { respond: { status: 503, body: "" } } };
  }
  if (status === 444 || status < 200 || status > 599) {
    outline.note(`return ${status}: the connection is not cut; it is answered with 404`, directive);
    return { kind: "answer", route: { respond: { status: 404 } } };
  }
  const isEmpty = text === undefined || [204, 205, 304].includes(status);
  if (text?.includes("$") === true) {
    outline.note("return: variables in a text stay as they are written", directive);
  }
  const type = scope.one("default_type")?.args[0] ?? "text/plain";
  const isUsual = type === "text/plain" || !/^[\w.+-]+\/[\w.+-]+$/.test(type);
  const respond = isEmpty
    ? { status }
    : { status, body: text, ...(isUsual ? {} : { contentType: type }) };
  return { kind: "answer", route: { respond } };
}

export interface Rewrites {
  readonly redirects: readonly Settings[];
  /** The last of them takes every request. */
  readonly isWhole: boolean;
  readonly replacePath: Settings | undefined;
}

/** Of the server and of the location. */
export function rewritesOf(scope: Scope, { outline, serverName }: ContentOptions): Rewrites {
  const redirects: Settings[] = [];
  let replacePath: Settings | undefined;
  for (const directive of scope.every("rewrite")) {
    const [regex = "", replacement = "", flag = ""] = directive.args;
    const isUrl = /^(https?:\/\/|\$scheme:\/\/)/.test(replacement);
    const isRedirect = flag === "permanent" || flag === "redirect" || isUrl;
    const isPattern = parsePattern(regex).kind === "pattern";
    if (isRedirect && isEveryPath(regex) && replacement.endsWith("$request_uri?")) {
      // Of a server, it comes before its locations.
      const to = redirectTarget(replacement.slice(0, -1), serverName);
      const status = flag === "permanent" ? 301 : 302;
      if (to !== undefined)
        return { redirects: [...redirects, { to, status }], isWhole: true, replacePath };
    }
    if (isRedirect) {
      const made = isPattern ? urlRewrite(regex, replacement) : undefined;
      const status = flag === "permanent" ? 301 : 302;
      if (made !== undefined && parsePattern(made.pattern).kind === "pattern") {
        redirects.push({ pattern: made.pattern, to: made.replacement, status });
        continue;
      }
    } else if (
      replacePath === undefined &&
      (flag === "break" || scope.own("rewrite").includes(directive))
    ) {
      const made = isPattern ? pathRewrite(regex, replacement) : undefined;
      if (made !== undefined) {
        replacePath = { ...made };
        if (flag !== "break" || !scope.own("rewrite").includes(directive)) {
          const text = `rewrite ${regex}: the new path is not looked up among the locations again`;
          outline.note(text, directive);
        }
        continue;
      }
    }
    outline.note(`rewrite ${shown(regex)}: is not carried over`, directive);
  }
  return { redirects, isWhole: false, replacePath };
}
