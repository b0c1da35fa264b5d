// The running program, as the commands that ask or steer it see it: finds its control socket, and says
// for all of them what to do when nobody is there.

import { existsSync } from "node:fs";
import { type Answer, askControl, type Question } from "../admin/control-client.ts";
import {
  BadControlFolder,
  controlPlace,
  systemSocket,
  verifyFolder,
} from "../admin/control-path.ts";
import { plainJson } from "./plain.ts";

export interface CommandOptions {
  /** Path of the control socket; undefined = where a program of ours would have it. */
  readonly control: string | undefined;
  readonly json: boolean;
}

/** Exit codes of these commands; 0 is done. */
export const refusedCode = 1;
export const notRunningCode = 3;

/** There is no answer; the message says why, and the code is the command's. */
export class NoAnswer extends Error {
  readonly code: number;

  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

/** Path of the control socket. Throws NoAnswer when what is there is not to be trusted. */
export function placeOf(options: CommandOptions): string {
  const { path } = controlPlace(options.control);
  try {
    verifyFolder(path);
  } catch (error) {
    if (error instanceof BadControlFolder) throw new NoAnswer(error.message, refusedCode);
    throw error;
  }
  return path;
}

export type Answered = Extract<Answer, { kind: "answer" }>;

/** Throws NoAnswer. */
export async function ask(path: string, question: Question): Promise<Answered> {
  const answer = await askControl(path, question);
  if (answer.kind === "answer") return answer;
  throw noAnswer(path, answer);
}

/** What to tell about an answer that is none. */
export function noAnswer(path: string, answer: Exclude<Answer, Answered>): NoAnswer {
  switch (answer.kind) {
    case "absent":
      return new NoAnswer(`nothing is running at ${path}\n${hintFor(path)}`, notRunningCode);
    case "denied":
      return new NoAnswer(
        `you may not use ${path}; ask as the user who runs it, or as root`,
        refusedCode,
      );
    case "lost":
      return new NoAnswer(`no answer came over ${path}: ${answer.why}`, refusedCode);
  }
}

function hintFor(path: string): string {
  const usual = controlPlace(undefined);
  const isOwn = usual.chosenBy === "session" || usual.chosenBy === "user";
  return isOwn && path === usual.path && existsSync(systemSocket)
    ? `There is one at ${systemSocket}: ask as the user who runs it, or as root.`
    : "Start it with `tidegate run`, or say where its control socket is with --control.";
}

/** The body, read; what cannot be read comes from another version, or from another program. */
export function understood<T>(
  { status, body }: Answered,
  read: (body: unknown) => T | undefined,
): T {
  const value = status === 200 ? read(body) : undefined;
  if (value !== undefined) return value;
  throw new NoAnswer(
    `the answer (status ${status}) is none that this version understands; compare \`tidegate --version\` with what runs`,
    refusedCode,
  );
}

export function printJson(value: unknown): void {
  process.stdout.write(`${plainJson(JSON.stringify(value, null, 2))}\n`);
}
