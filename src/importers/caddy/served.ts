// `root`, `file_server`, `php_fastcgi` and `try_files` of one block of a Caddyfile as a service of files, with PHP where both are there.

import { existsSync } from "node:fs";
import type { Directive } from "../../providers/labels/caddy-tree.ts";
import type { Outline, Settings } from "../outline.ts";
import { shown } from "../outline.ts";
import { ownPath, withContainer } from "../own-path.ts";
import { absolute } from "./files.ts";

/** What the directives around an answer say of files. */
export interface Grounds {
  /** undefined = none is said, or one that depends on the request. */
  readonly root: Directive | undefined;
  readonly tries: Directive | undefined;
  /** `file_server` for everything that PHP does not answer. */
  readonly files: Directive | undefined;
  /** `php_fastcgi` for all of the block. */
  readonly php: Directive | undefined;
}

export const noGrounds: Grounds = {
  ...{ root: undefined, tries: undefined, files: undefined, php: undefined },
};

export function groundsOf(directives: readonly Directive[], outer: Grounds): Grounds {
  const last = (name: string) => directives.findLast((each) => each.name === name);
  const whole = (name: string) =>
    directives.findLast((each) => each.name === name && !isMatched(each.args[0]));
  return {
    root: last("root") ?? outer.root,
    tries: last("try_files") ?? outer.tries,
    files: whole("file_server"),
    php: whole("php_fastcgi"),
  };
}

function isMatched(text: string | undefined): boolean {
  return text?.startsWith("/") === true || text?.startsWith("@") === true;
}

export interface ServedOptions {
  readonly outline: Outline;
  readonly grounds: Grounds;
  /** PHP is somewhere in the site: its sources are hidden where it does not answer. */
  readonly hasPhp: boolean;
}

/** As a service; undefined = it is not understood, which is said. @param words its arguments without a matcher */
export function servedOf(
  directive: Directive,
  words: readonly string[],
  options: ServedOptions,
): Settings | undefined {
  const { outline, grounds } = options;
  const { label } = directive;
  const php = directive.name === "php_fastcgi" ? directive : undefined;
  const { files } = grounds;
  if (php !== undefined && files === undefined) {
    outline.note(
      `${label}: php_fastcgi: there is no file_server beside it, so that only scripts would be there; say it as routes of their own`,
    );
    return undefined;
  }
  const browsing = php === undefined ? directive : files;
  const below = browsing?.below ?? [];
  const root = rootOf(below, grounds, label);
  if (root === undefined) {
    outline.note(
      `${label}: ${directive.name}: no root is said that does not depend on the request`,
    );
    return undefined;
  }
  const own = ownPath(root);
  if (own.container === undefined && !existsSync(own.path)) {
    outline.note(`${label}: root ${shown(own.path)}: there is no such folder on this machine`);
  }
  const program = php === undefined ? {} : programOf(php, words, outline);
  const socket = withContainer(typeof program?.address === "string" ? [program.address] : []);
  const hidden = hiddenOf(below, outline);
  if (program === undefined || hidden === undefined) return undefined;
  if (socket === undefined || (isSocket(program.address) && socket.container !== own.container)) {
    outline.note(`${label}: ${directive.name}: its socket and its files are not of one container`);
    return undefined;
  }
  const isBrowsed =
    (php === undefined && words.includes("browse")) || below.some(({ name }) => name === "browse");
  const forms = below.findLast(({ name }) => name === "precompressed")?.args;
  const index = below.findLast(({ name }) => name === "index")?.args;
  const steps = stepsOf(grounds.tries, php !== undefined, outline);
  const sources = php === undefined && options.hasPhp ? ["*.php*", "*.PHP*"] : [];
  outline.note(
    "files: names that begin with a dot are not served (but .well-known), nor is PHP that nothing runs; hidden of the service says which",
  );
  const settings = {
    root: own.path,
    ...(index === undefined ? {} : { index }),
    ...(steps === undefined ? {} : { try: steps }),
    ...(isBrowsed ? { listing: true } : {}),
    ...(forms === undefined ? {} : { precompressed: forms.length === 0 ? true : forms }),
    ...(hidden.length + sources.length === 0 ? {} : { hidden: [".*", ...hidden, ...sources] }),
  };
  const [address] = socket.urls;
  const { params, rootOfProgram } = program;
  const isMore = Object.keys(params ?? {}).length > 0 || rootOfProgram !== undefined;
  const more = {
    ...(rootOfProgram === undefined ? {} : { root: rootOfProgram }),
    ...(params === undefined ? {} : { params }),
  };
  return {
    ...(own.container === undefined ? {} : { container: own.container }),
    files: Object.keys(settings).length === 1 ? own.path : settings,
    ...(address === undefined
      ? {}
      : { fastcgi: isMore ? { backends: address, ...more } : address }),
  };
}

/** `root [*] PATH`, or the file server's own. */
function rootOf(below: readonly Directive[], { root }: Grounds, label: string): string | undefined {
  const own = below.findLast(({ name }) => name === "root");
  const args = own?.args ?? root?.args.slice(root.args[0] === "*" ? 1 : 0) ?? [];
  const [path] = args;
  if (path === undefined || args.length !== 1 || /[{}\p{Cc}]/u.test(path)) return undefined;
  return absolute(path, (own ?? root)?.label ?? label);
}

interface Program {
  readonly address?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly rootOfProgram?: string;
}

function programOf(
  { below, label }: Directive,
  words: readonly string[],
  outline: Outline,
): Program | undefined {
  const [written = "", ...others] = words;
  const socket = /^unix\/+(\/?.+)$/.exec(written)?.[1];
  const address = socket === undefined ? written : `unix:/${socket.replace(/^\/+/, "")}`;
  const isPlace = socket !== undefined || /^[\w.-]+:\d{1,5}$/.test(written);
  if (!isPlace || others.length > 0) {
    outline.note(
      `${label}: php_fastcgi ${shown(words.join(" "))}: is not one address that is understood`,
    );
    return undefined;
  }
  const params = new Map<string, string>();
  let rootOfProgram: string | undefined;
  for (const { name, args } of below) {
    const [first = "", second = ""] = args;
    if (name === "env" && /^[A-Za-z_]\w*$/.test(first) && !/[{}]/.test(second))
      params.set(first, second);
    else if (name === "root" && first.startsWith("/") && !/[{}]/.test(first)) rootOfProgram = first;
    else if (
      !["split", "capture_stderr", "index"].includes(name) ||
      (name === "index" && first !== "index.php") ||
      (name === "split" && first !== ".php")
    ) {
      outline.note(`${label}: php_fastcgi: ${name} ${shown(args.join(" "))} is not carried over`);
    }
  }
  return {
    address,
    ...(params.size === 0 ? {} : { params: Object.fromEntries(params) }),
    ...(rootOfProgram === undefined ? {} : { rootOfProgram }),
  };
}

function isSocket(address: string | undefined): boolean {
  return address?.startsWith("unix:") === true;
}

/** undefined = something is hidden that could not be here. */
function hiddenOf(below: readonly Directive[], outline: Outline): string[] | undefined {
  const hidden: string[] = [];
  for (const { name, args, label } of below) {
    if (name !== "hide") continue;
    const odd = args.find((each) => /[/{}\p{Cc}]/u.test(each));
    if (odd !== undefined) {
      outline.note(`${label}: hide ${shown(odd)}: hidden takes names alone, so this is closed`);
      return undefined;
    }
    hidden.push(...args);
  }
  return hidden;
}

/** undefined = the usual ones. */
function stepsOf(
  tries: Directive | undefined,
  isPhp: boolean,
  outline: Outline,
): string[] | undefined {
  if (tries === undefined) return isPhp ? ["$path", "$path/", "/index.php?$query"] : undefined;
  const steps = tries.args.flatMap((text) => {
    const made = text
      .replaceAll(/\{(?:path|uri|http\.request\.uri\.path)\}/g, "$path")
      .replaceAll(/\{(?:query|http\.request\.uri\.query)\}/g, "$query");
    const [path = ""] = made.split("?", 1);
    const isStatus = /^=[45]\d\d$/.test(made);
    const isKnown = isStatus || (/^(\$path|\/)/.test(path) && !/[{}\s\p{Cc}]/u.test(made));
    if (isKnown && (isPhp || !path.toLowerCase().endsWith(".php"))) return [made];
    outline.note(`${tries.label}: try_files ${shown(text)}: is not carried over`);
    return [];
  });
  return steps.length === 0 ? ["=404"] : steps;
}
