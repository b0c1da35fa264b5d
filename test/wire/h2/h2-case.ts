// Reads the pages of this folder into cases: of clients, who send frames to a listener, and of backends, who are asked by
// the program and answer in frames. README.md explains the notation to people.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Block,
  type ClientStep,
  expand,
  readSections,
  responseStep,
  type Section,
} from "../case.ts";
import { patternOf, type Upstream } from "../case.ts";
import { readScript, type Step } from "./script.ts";

export interface Script {
  readonly steps: readonly Step[];
  /** Without the preface and SETTINGS that a connection begins with. */
  readonly isRaw: boolean;
  readonly isWindowManual: boolean;
  readonly isAckManual: boolean;
}

interface Common {
  readonly file: string;
  readonly title: string;
  readonly place: string;
  readonly config: string;
}

export interface ClientCase extends Common {
  readonly side: "client";
  readonly script: Script;
  /** Answers of the HTTP/1 origin behind the proxy, one after another; then a 200 with "ok". */
  readonly answers: readonly {
    readonly bytes: string;
    readonly when: "head" | "message";
    readonly ending: "keep" | "close" | "reset";
  }[];
  readonly upstream: Upstream;
}

export interface BackendCase extends Common {
  readonly side: "backend";
  /** One for each connection, in the order they are opened. */
  readonly connections: readonly Script[];
  readonly exchanges: readonly {
    readonly request: string;
    /** It is sent when the answers before it have come. */
    readonly isAfter: boolean;
    readonly response: Exclude<ClientStep, { kind: "send" }>;
  }[];
}

export type H2Case = ClientCase | BackendCase;

export function readH2Cases(folder: string): H2Case[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".md") && name !== "README.md");
  return names
    .toSorted()
    .flatMap((name) => readSections(name, readFileSync(join(folder, name), "utf8")).map(caseOf));
}

function caseOf({ file, title, place, pageConfig, blocks }: Section): H2Case {
  const known = ["client", "backend", "request", "response", "answer", "upstream", "config"];
  for (const { info, line } of blocks)
    if (!known.includes(info[0] ?? ""))
      throw new Error(`${file}:${line}: unknown block ${info[0]}`);
  const of = (kind: string) => blocks.filter(({ info }) => info[0] === kind);
  const config = [pageConfig, ...of("config").map(({ text }) => text)].join("\n").trim();
  const common = { file, title, place, config };
  const scripts = (kind: string) => of(kind).map((each) => scriptOf(each, file));
  const [script, second] = scripts("client");
  const connections = scripts("backend");
  if (script === undefined) {
    if (connections.length === 0) throw new Error(`${place}: neither client nor backend`);
    return { ...common, side: "backend", connections, exchanges: exchangesOf(of, file) };
  }
  if (second !== undefined || connections.length > 0)
    throw new Error(`${place}: one script, please`);
  const answers = of("answer").map(({ text, info, line }) => ({
    bytes: expand(text, `${file}:${line}`),
    when: info.includes("head") ? ("head" as const) : ("message" as const),
    ending: info.includes("reset")
      ? ("reset" as const)
      : info.includes("close")
        ? ("close" as const)
        : ("keep" as const),
  }));
  const upstream = upstreamOf(of("upstream"), file) ?? implied(script);
  return { ...common, side: "client", script, answers, upstream };
}

function scriptOf({ text, info, line }: Block, file: string): Script {
  const words = info.slice(1);
  const where = `${file}:${line}`;
  const strange = words.filter((each) => !["raw", "manual-windows", "manual-acks"].includes(each));
  if (strange.length > 0) throw new Error(`${where}: unknown word ${strange.join(" ")}`);
  return {
    steps: readScript(text, where),
    isRaw: words.includes("raw"),
    isWindowManual: words.includes("manual-windows"),
    isAckManual: words.includes("manual-acks"),
  };
}

function upstreamOf(blocks: readonly Block[], file: string): Upstream | undefined {
  const [first] = blocks;
  if (first === undefined) return undefined;
  const word = first.text.trim();
  if (word === "nothing" || word === "incomplete" || word === "any") return { kind: word };
  const patterns = blocks.map(({ text, line }) => patternOf(expand(text, `${file}:${line}`)));
  return { kind: "requests", patterns };
}

/** Where nothing is answered by the origin, it must not have got a whole request. */
function implied({ steps }: Script): Upstream {
  const isAnswered = steps.some((each) => each.kind === "message" && each.what === "answer");
  return { kind: isAnswered ? "any" : "incomplete" };
}

function exchangesOf(of: (kind: string) => Block[], file: string): BackendCase["exchanges"] {
  const requests = of("request").map(({ text, line }) => expand(text, `${file}:${line}`));
  const isAfter = of("request").map(({ info }) => info.includes("after"));
  const responses = of("response").map(({ text, info, line }) => {
    const step = responseStep(text, info.slice(1), `${file}:${line}`);
    if (step.kind === "send") throw new Error(`${file}:${line}: not a response`);
    return step;
  });
  if (responses.length === 0 || (requests.length > 0 && requests.length !== responses.length))
    throw new Error(`${file}: as many requests as responses, please`);
  return responses.map((response, index) => ({
    request: requests[index] ?? "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
    isAfter: isAfter[index] ?? false,
    response,
  }));
}
