// Settings of `headers`.

import type * as z from "zod";
import { report } from "../context.ts";
import type { Context } from "../context.ts";
import { statuses } from "../http-scalar.ts";
import { key, mapping, oneOrMore, parsed } from "../scalar.ts";
import type { Path } from "../problem.ts";
import { unknownPlaceholder } from "../placeholders.ts";
import { isSecretField } from "../words.ts";
import { define, places } from "./definition.ts";
import { headerValues, whyNotChanged } from "./header-names.ts";
import type { HeaderEdits, HeadersUse } from "./uses/answer.ts";

const removed = parsed({ what: "a header name" }, (name, refuse) => {
  if (/^[^*]{2,}\*$/.test(name)) {
    const wrong = whyNotChanged(name.slice(0, -1));
    return wrong === undefined ? name : refuse(wrong.message);
  }
  const wrong = whyNotChanged(name);
  if (wrong !== undefined) return refuse(wrong.message);
  const remedy = "write the beginning of the name before it: X-Debug-*";
  return name.includes("*") ? refuse("a * can only stand at the end", remedy) : name;
});

const edits = {
  set: key(headerValues(), "Fields that are there with this value, whatever came."),
  add: key(headerValues(), "Fields that are added to those that came."),
  remove: key(
    oneOrMore(removed, { what: "a header name, or a list of them" }),
    "Fields that are taken out, before the others are put in. A `*` at the end stands for any rest.",
  ),
};

const settings = mapping({
  request: key(mapping(edits), "What the backend gets."),
  response: key(
    mapping({
      ...edits,
      statuses: key(statuses(100), "Only of answers with one of these."),
    }),
    "What the client gets.",
  ),
});

/** The program says these of clients itself. */
const ofForwarding =
  /^(?:x-forwarded-(?:for|host|port|proto|protocol|server|prefix)|x-real-ip|forwarded)$/;
const ofCertificates = /^client-cert(?:-chain)?$/;

export const headers = define({
  kind: "headers",
  summary: "Sets, adds and removes header fields of requests and answers.",
  settings,
  place: places.answer,
  secrets: (["request", "response"] as const).flatMap((side) =>
    (["set", "add"] as const).map((how) => [side, how, "*"]),
  ),
  mayShow: (path) => !isSecretField(String(path.at(-1))),
  resolve(input: z.output<typeof settings>, context: Context, path: Path): HeadersUse | undefined {
    const request = editsOf(input.request);
    const response = editsOf(input.response);
    if (request === undefined && response === undefined) {
      const remedy = "write request or response with set, add or remove";
      report(context, path, { message: "changes nothing", remedy });
      return undefined;
    }
    const isFine = [
      ...checked(context, [...path, "request"], request, whyNotOfRequests),
      ...checked(context, [...path, "response"], response, whyNotOfResponses),
    ].every(Boolean);
    if (!isFine) return undefined;
    const wanted = input.response?.statuses ?? [];
    return {
      kind: "headers",
      request,
      response: response === undefined ? undefined : { ...response, statuses: wanted },
    };
  },
});

type Written = {
  readonly [Name in "set" | "add"]?: Readonly<Record<string, string>> | undefined;
} & {
  readonly remove?: readonly string[] | undefined;
};

function editsOf(written: Written | undefined): HeaderEdits | undefined {
  const { set = {}, add = {}, remove = [] } = written ?? {};
  const edited: HeaderEdits = {
    set: Object.entries(set),
    add: Object.entries(add),
    remove: remove.map((name) => name.toLowerCase()),
  };
  const count = edited.set.length + edited.add.length + edited.remove.length;
  return count === 0 ? undefined : edited;
}

type Why = (name: string, how: "set" | "add" | "remove") => string | undefined;

/** One for each that was looked at. */
function checked(context: Context, path: Path, edited: HeaderEdits | undefined, why: Why) {
  if (edited === undefined) return [];
  const named = (["set", "add"] as const).flatMap((how) =>
    edited[how].map(([name, value]) => {
      const unknown = unknownPlaceholder(value);
      const [message, remedy] =
        unknown === undefined
          ? (why(name.toLowerCase(), how)?.split("\n") ?? [])
          : [unknown.message, unknown.remedy];
      if (message === undefined) return true;
      report(context, [...path, how, name], { message, ...(remedy ? { remedy } : {}) });
      return false;
    }),
  );
  const removals = edited.remove.map((name) => {
    const [message, remedy] = why(name, "remove")?.split("\n") ?? [];
    if (message === undefined) return true;
    report(context, [...path, "remove"], { message, ...(remedy ? { remedy } : {}) });
    return false;
  });
  return [...named, ...removals];
}

function whyNotOfRequests(name: string, how: string): string | undefined {
  if (name === "host") {
    return "the Host that backends get is said by their service\nwrite host: NAME in the service";
  }
  const dashed = name.replaceAll("_", "-");
  if (ofCertificates.test(dashed)) return `${name} is said of clients, by whoever ends TLS`;
  if (!ofForwarding.test(dashed) || (how === "set" && dashed === name)) return undefined;
  return `${name} is said of every client, and can only be set\nwrite it under set`;
}

function whyNotOfResponses(name: string): string | undefined {
  if (name === "date") return "Date says when the answer was made, and is not changed";
  return name === "host" ? "Host is of requests only" : undefined;
}
