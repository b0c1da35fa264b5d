// Lists of networks as they are published: one on each line, with comments, or JSON as clouds have it (`ip_prefix`,
// `ipv4Prefix`, `ipv4_cidrs` …). A list that has anything else in it counts as a whole or not at all: half of a list of
// those who may not come is worse than the old one.

import { type Network, parseNetwork } from "./ip.ts";

export type NetworkList =
  | { readonly kind: "networks"; readonly networks: readonly Network[] }
  /** `line 3: "x" is not a network` */
  | { readonly kind: "bad"; readonly why: string };

interface Bounds {
  /** Most networks. */
  readonly most: number;
  /** Levels of JSON. */
  readonly depth: number;
}

class BadList extends Error {}

export function readNetworkList(text: string, bounds: Bounds): NetworkList {
  const networks: Network[] = [];
  const why = faultOf(text, bounds, (network) => networks.push(network));
  return why === undefined ? { kind: "networks", networks } : { kind: "bad", why };
}

/** As they are written there; undefined = it is no such list. */
export function networkTexts(text: string, bounds: Bounds): readonly string[] | undefined {
  const texts: string[] = [];
  const why = faultOf(text, bounds, (_network, written) => texts.push(written));
  return why === undefined ? texts : undefined;
}

/** @param take returns how many there are now */
function faultOf(
  text: string,
  { most, depth }: Bounds,
  take: (network: Network, written: string) => number,
): string | undefined {
  const add = (value: string, where: string) => {
    const network = parseNetwork(value);
    if (network === undefined) throw new BadList(`${where} is not a network`);
    if (take(network, value) > most) throw new BadList(`has more than ${most} networks`);
  };
  try {
    const bare = text.trimStart();
    // What a portal for logging in, or a page for an error, answers with.
    if (bare.startsWith("<")) throw new BadList("is a page for humans, and no list of networks");
    if (/^[[{]/.test(bare)) gather(parsedJson(bare), { add, depth, isNetwork: true });
    else readLines(text, add);
    return undefined;
  } catch (error) {
    if (error instanceof BadList) return error.message;
    throw error;
  }
}

type Add = (value: string, where: string) => void;

function readLines(text: string, add: Add): void {
  let line = 0;
  for (let from = 0; from <= text.length;) {
    line += 1;
    const end = text.indexOf("\n", from);
    const until = end === -1 ? text.length : end;
    const value = firstWord(text, from, until);
    if (value !== "") add(value, `line ${line}: ${shown(value)}`);
    from = until + 1;
  }
}

/** What stands behind it is somebody's remark: `192.0.2.0/24 ; SBL123`. */
function firstWord(text: string, from: number, until: number): string {
  let start = from;
  while (start < until && isSpace(text.charCodeAt(start))) start += 1;
  let end = start;
  while (end < until && !endsWord(text.charCodeAt(end))) end += 1;
  return text.slice(start, end);
}

/** Also the mark that some editors put at the beginning of a file. */
function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d || code === 0xfeff;
}

/** # ; and , begin a remark. */
function endsWord(code: number): boolean {
  return isSpace(code) || code === 0x23 || code === 0x3b || code === 0x2c;
}

// --- JSON ----------------------------------------------------------------------------------------------

/** Names under which networks stand: AWS, Azure, Google, Cloudflare, Fastly and Oracle have no others. */
const names =
  /^(?:ip|cidr|network|prefix|address)s?$|(?:^|_)(?:prefix|cidr|address)(?:es|s)?$|Prefix(?:es)?$/;

interface Gathering {
  readonly add: Add;
  readonly depth: number;
  /** Texts here are meant to be networks. */
  readonly isNetwork: boolean;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BadList("begins as JSON, and is none");
  }
}

function gather(value: unknown, state: Gathering): void {
  if (typeof value === "string") {
    if (state.isNetwork) state.add(value, shown(value));
    return;
  }
  if (typeof value !== "object" || value === null) return;
  if (state.depth === 0) throw new BadList("is nested too deeply");
  const below = { ...state, depth: state.depth - 1 };
  if (Array.isArray(value)) {
    for (const each of value) gather(each, below);
    return;
  }
  for (const [name, each] of Object.entries(value)) {
    gather(each, { ...below, isNetwork: names.test(name) });
  }
}

function shown(value: string): string {
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
}
