// `tidegate trust`: has this machine, and the browsers of who asks, trust the authority of `tls: internal`. Whoever has its key can
// sign for any name: the key stays in the state folder, and only the certificate is handed on.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readAuthority } from "../admin/certificates-answer.ts";
import { plain } from "./plain.ts";
import {
  ask,
  type CommandOptions,
  NoAnswer,
  placeOf,
  printJson,
  refusedCode,
  understood,
} from "./running.ts";
import {
  browserFolders,
  browserStore,
  hasProgram,
  type Root,
  rootOf,
  systemStore,
  type TrustStore,
  whoAsks,
} from "./trust-stores.ts";

export interface TrustOptions extends CommandOptions {
  readonly print: boolean;
  readonly remove: boolean;
  /** State folder, where nobody runs who could be asked. */
  readonly folder: string | undefined;
}

/** Returns the exit code. */
export async function trust(options: TrustOptions): Promise<number> {
  const root = await rootFor(options);
  if (options.print) {
    if (options.json) printJson({ certificate: root.pem });
    else process.stdout.write(root.pem);
    return 0;
  }
  const { stores, hints } = await storesHere();
  const results: Result[] = [];
  for (const store of stores) results.push(await change(store, root, options.remove));
  if (options.json) printJson({ name: root.name, stores: results, hints });
  else tell(results, hints, options.remove);
  const isDone = results.some(({ state }) => state !== "failed");
  const hasFailed = results.some(({ state }) => state === "failed");
  return isDone && !hasFailed ? 0 : refusedCode;
}

interface Result {
  readonly store: string;
  readonly state: "trusts" | "removed" | "never knew" | "failed";
  /** Why it failed. */
  readonly why: string;
}

async function rootFor(options: TrustOptions): Promise<Root> {
  const pem =
    options.folder === undefined ? await askedFor(options) : await readFrom(options.folder);
  const root = rootOf(pem);
  if (root !== undefined) return root;
  throw new NoAnswer("what is kept there is no certificate of an authority", refusedCode);
}

const none =
  "there is no authority yet: it is made for the first route with tls: internal, once a listener has tls: true";

async function askedFor(options: CommandOptions): Promise<string> {
  const answer = await ask(placeOf(options), { route: "/v1/authority", timeoutMs: 10_000 });
  const { certificate } = understood(answer, readAuthority);
  if (certificate === null) throw new NoAnswer(none, refusedCode);
  return certificate;
}

async function readFrom(folder: string): Promise<string> {
  const path = join(folder, "acme", "authority", "root.json");
  try {
    const kept: unknown = JSON.parse(await readFile(path, "utf8"));
    if (typeof kept === "object" && kept !== null && "cert" in kept) return String(kept.cert);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "ENOENT") throw new NoAnswer(`${path}: ${none}`, refusedCode);
    if (code === "EACCES") {
      throw new NoAnswer(`${path} may be read by its owner and root alone`, refusedCode);
    }
  }
  throw new NoAnswer(`${path} is damaged`, refusedCode);
}

async function storesHere(): Promise<{ stores: readonly TrustStore[]; hints: readonly string[] }> {
  const hints: string[] = [];
  const stores: TrustStore[] = [];
  const system = systemStore();
  if (system === undefined) {
    hints.push(
      "the store of this system is not known here: tidegate trust --print prints the certificate",
    );
  } else if (process.geteuid?.() === 0) {
    stores.push(system);
  } else {
    hints.push(`${system.what} can be changed by root alone: sudo tidegate trust`);
  }
  const person = await whoAsks();
  const folders = await browserFolders(person);
  if (folders.length > 0 && !hasProgram("certutil")) {
    hints.push(
      "browsers have stores of their own, and certutil, which changes them, is missing: install libnss3-tools (Fedora: nss-tools, Arch: nss)",
    );
    return { stores, hints };
  }
  stores.push(...folders.map((each) => browserStore(each, person)));
  return { stores, hints };
}

async function change(store: TrustStore, root: Root, isRemoved: boolean): Promise<Result> {
  const { what } = store;
  try {
    if (!isRemoved) {
      await store.add(root);
      return { store: what, state: "trusts", why: "" };
    }
    const state = (await store.remove(root)) ? "removed" : "never knew";
    return { store: what, state, why: "" };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { store: what, state: "failed", why };
  }
}

const texts: Readonly<Record<Result["state"], string>> = {
  trusts: "trusted by",
  removed: "trusted no more by",
  "never knew": "was not trusted by",
  failed: "could not be changed:",
};

function tell(results: readonly Result[], hints: readonly string[], isRemoved: boolean): void {
  for (const { store, state, why } of results) {
    const line = `${texts[state]} ${plain(store)}${why === "" ? "" : `: ${plain(why)}`}\n`;
    if (state === "failed") process.stderr.write(`tidegate: ${line}`);
    else process.stdout.write(line);
  }
  for (const each of hints) process.stderr.write(`${plain(each)}\n`);
  if (!isRemoved && results.some(({ store }) => store.startsWith("a browser"))) {
    process.stdout.write("Browsers that are open have to be closed once.\n");
  }
}
