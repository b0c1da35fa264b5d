// Lists of networks as settings have them: networks, words for some, files, and URLs, all mixed.

import * as z from "zod";
import { report } from "./context.ts";
import type { Context } from "./context.ts";
import { documentMapping, resolveDocument } from "./document-settings.ts";
import type { DocumentForm } from "./documents.ts";
import { networksNamed, networkWords, publishedLists } from "./known-networks.ts";
import type { Path } from "./problem.ts";
import { mustBe, oneOrMore, parsed } from "./scalar.ts";
import { dataAt } from "./source.ts";
import type { TrustedList } from "./snapshot.ts";
import { parseNetwork } from "../lib/ip.ts";

const remedy = `write a network such as 10.0.0.0/8, ${networkWords.join(", ")}, { file: PATH } or { url: https://… }`;

const entry = z.union(
  [
    parsed({ what: "a network", remedy }, (value, refuse) => {
      if (networkWords.includes(value) || parseNetwork(value) !== undefined) return value;
      return refuse(`${JSON.stringify(value)} is not a network`, remedy);
    }).meta({ title: "network" }),
    documentMapping,
  ],
  { error: mustBe({ what: "a network, or a list of them from elsewhere", remedy }) },
);

/** One, or a list of them. */
export function networkSources() {
  return oneOrMore(entry, { what: "a network, or a list of networks", remedy });
}

export type NetworkSourcesInput = z.output<ReturnType<typeof networkSources>>;

export interface NetworkSources {
  readonly networks: readonly string[];
  readonly lists: readonly TrustedList[];
}

/** What cannot be used has been reported, and is left out. */
export function resolveNetworks(
  context: Context,
  input: NetworkSourcesInput,
  form: DocumentForm,
  path: Path,
): NetworkSources {
  const networks: string[] = [];
  const lists: TrustedList[] = [];
  for (const [at, each] of input.entries()) {
    if (typeof each === "string") {
      const known = publishedLists(each, form);
      if (known !== undefined) lists.push(...known);
      else networks.push(...(networksNamed(each) ?? [each]));
      continue;
    }
    // One may stand there without a list around it.
    const place = Array.isArray(dataAt(context.source, path)) ? [...path, at] : path;
    const wish = resolveDocument(context, each, form, place);
    if (wish !== undefined) lists.push({ wish, builtIn: [] });
  }
  if (lists.length > mostLists) {
    const message = `has more than ${mostLists} lists from files and URLs`;
    report(context, path, { message, remedy: "make one list of them" });
  }
  return { networks, lists };
}

/** Each is looked into for each request. */
const mostLists = 16;
