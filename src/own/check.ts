// Asks, in a process of its own, whether a middleware of somebody's own can be loaded and takes these settings: it may do
// anything when it is loaded, and hang.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { extname, join } from "node:path";
import {
  longestCheckMs as longestMs,
  type OwnIssue,
  type OwnQuestion,
  type OwnVerdict,
} from "./check-words.ts";

/** Of its answer. */
const mostBytes = 1_000_000;
/** Remembered: a configuration is read again and again, and mostly with the same files. */
const mostKnown = 1000;

const entry = join(import.meta.dirname, `check-entry${extname(import.meta.filename)}`);
/** What was good. What was not may have been for want of a file that it imports. */
const good = new Set<string>();

export type OwnChecked = Omit<OwnQuestion, "text">;

/** For a configuration, which is read as a whole: the answer is waited for, and this is rare. */
export function checkOwn(checked: OwnChecked): OwnVerdict {
  let text: string;
  try {
    text = readFileSync(checked.path, "utf8");
  } catch (error) {
    return broken(error instanceof Error ? error.message : String(error));
  }
  const question = { ...checked, text };
  const key = keyOf(question);
  return good.has(key) ? fine : remembered(key, asked(question));
}

/** For a text that is about to take over. Never rejects; "" = it can be used. */
export async function ownFault(question: OwnQuestion): Promise<string> {
  const key = keyOf(question);
  if (good.has(key)) return "";
  const { fault, issues } = remembered(key, await askedMeanwhile(question));
  const [issue] = issues;
  if (fault !== undefined || issue === undefined) return fault ?? "";
  return `does not take its settings: ${[...issue.path, issue.message].join(": ")}`;
}

function keyOf(question: OwnQuestion): string {
  return createHash("sha256").update(JSON.stringify(question)).digest("base64url");
}

const fine: OwnVerdict = { fault: undefined, issues: [] };

function broken(fault: string): OwnVerdict {
  return { fault, issues: [] };
}

function remembered(key: string, verdict: OwnVerdict): OwnVerdict {
  if (verdict.fault !== undefined || verdict.issues.length > 0) return verdict;
  if (good.size >= mostKnown) good.clear();
  good.add(key);
  return verdict;
}

/** None of ours is the affair of one that is only loaded. One that is made reads there what it will read in its thread. */
const envFor = ({ isThreaded }: OwnQuestion) =>
  isThreaded ? process.env : { PATH: process.env["PATH"] ?? "" };
const late = `it was not loaded within ${longestMs / 1000} s`;

function asked(question: OwnQuestion): OwnVerdict {
  const { status, output, stderr, error } = spawnSync(process.execPath, [entry], {
    input: JSON.stringify(question),
    stdio: ["pipe", "ignore", "pipe", "pipe"],
    encoding: "utf8",
    timeout: longestMs,
    killSignal: "SIGKILL",
    maxBuffer: mostBytes,
    env: envFor(question),
  });
  if (error === undefined) return verdictOf(status, output[3] ?? "", stderr);
  return broken("code" in error && error.code === "ETIMEDOUT" ? late : error.message);
}

function askedMeanwhile(question: OwnQuestion): Promise<OwnVerdict> {
  const { promise, resolve } = Promise.withResolvers<OwnVerdict>();
  const child: ChildProcess = spawn(process.execPath, [entry], {
    stdio: ["pipe", "ignore", "pipe", "pipe"],
    env: envFor(question),
  });
  const timer = setTimeout(() => end(broken(late)), longestMs);
  const end = (verdict: OwnVerdict) => {
    clearTimeout(timer);
    child.kill("SIGKILL");
    resolve(verdict);
  };
  const [, , stderr, answer] = child.stdio;
  const words = gathered(stderr);
  const said = gathered(answer);
  child.on("error", (error) => end(broken(error.message)));
  child.on("close", (status) => end(verdictOf(status, said(), words())));
  // Whoever ends without reading it is told by its end.
  child.stdin?.on("error", () => {});
  child.stdin?.end(JSON.stringify(question));
  return promise;
}

type Pipe = ChildProcess["stdio"][number];

/** @returns what has come so far, of what is taken */
function gathered(pipe: Pipe | undefined): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  if (isReadable(pipe)) {
    pipe.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= mostBytes) chunks.push(chunk);
    });
  }
  return () => Buffer.concat(chunks).toString();
}

function isReadable(pipe: Pipe | undefined): pipe is Readable {
  return typeof pipe === "object" && pipe !== null && "readable" in pipe;
}

function verdictOf(status: number | null, answer: string, stderr: string): OwnVerdict {
  if (status === 0 && answer !== "") return readVerdict(answer);
  const words = stderr.trim().split("\n").at(-1) ?? "";
  return broken(words === "" ? "it ended the process that looked at it" : words);
}

/** What it loads may have written there, too. */
function readVerdict(answer: string): OwnVerdict {
  try {
    const said: unknown = JSON.parse(answer);
    if (typeof said !== "object" || said === null) throw new TypeError("no object");
    const fault: unknown = Reflect.get(said, "fault");
    const issues: unknown = Reflect.get(said, "issues");
    if (!Array.isArray(issues)) throw new TypeError("no list");
    const read: OwnIssue[] = issues;
    return { fault: typeof fault === "string" ? fault : undefined, issues: read };
  } catch {
    return broken("it wrote where its check is answered");
  }
}
