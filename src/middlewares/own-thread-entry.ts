// Where a middleware of somebody's own runs that has a thread to itself. Begun by `own-thread.ts`, which also ends it: whatever
// it throws in a timer, and whatever it never comes back from, ends here.

import { parentPort, workerData } from "node:worker_threads";
import type { Answer, Api, Hooks } from "../own/contract.ts";
import { loadOwn, settingsFor } from "../own/module.ts";
import {
  type FromThread,
  noResponseHook,
  sinceEpoch,
  type ThreadSetup,
  type ToThread,
} from "../own/thread-words.ts";
import { faultText, warningOf } from "./own-fault.ts";
import { ThreadRequest } from "./own-thread-request.ts";

const setup: ThreadSetup = workerData;

function say(words: FromThread): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(words);
}

/** A flood of them would be one for the worker. */
class WarningGate {
  #said = 0;
  #since = -Infinity;

  isOpen(): boolean {
    const now = performance.now();
    if (now - this.#since > setup.warningWindow) {
      this.#since = now;
      this.#said = 0;
    }
    return ++this.#said <= setup.mostWarnings;
  }
}

const gate = new WarningGate();

const api: Api = {
  owner: setup.owner,
  warn(...said) {
    if (!gate.isOpen()) return;
    const [message, fields] = warningOf(said[0], said[1]);
    say({ kind: "warn", message, fields });
  },
};

function fault(error: unknown): void {
  if (gate.isOpen()) say({ kind: "fault", cause: faultText(error) });
}

class Desk {
  readonly #hooks: Hooks;
  /** Those that are told of their end. */
  readonly #kept = new Map<number, ThreadRequest>();
  #read = 0;

  constructor(hooks: Hooks) {
    this.#hooks = hooks;
  }

  take(words: ToThread): void {
    switch (words.kind) {
      case "ask":
        this.#read++;
        if (sinceEpoch() < words.lateAt) void this.#ask(words.id, new ThreadRequest(words.request));
        return;
      case "done": {
        const request = this.#kept.get(words.id);
        this.#kept.delete(words.id);
        if (request === undefined) return;
        void this.#call(() => this.#hooks.onDone?.(request, words.outcome));
        return;
      }
      case "forget":
        this.#kept.delete(words.id);
        return;
      case "ping":
        say({ kind: "pong", read: this.#read });
        return;
      case "close":
        void this.#call(() => this.#hooks.close?.()).then(() => say({ kind: "closed" }));
    }
  }

  async #ask(id: number, request: ThreadRequest): Promise<void> {
    try {
      const answer = (await this.#hooks.onRequest?.(request)) ?? undefined;
      request.go();
      if (answer === undefined && this.#hooks.onDone !== undefined) this.#keep(id, request);
      const { edits } = request;
      say({ kind: "said", id, read: this.#read, edits, answer: plainAnswer(answer) });
    } catch (error) {
      request.go();
      this.#kept.delete(id);
      say({ kind: "failed", id, read: this.#read, cause: faultText(error) });
    }
  }

  #keep(id: number, request: ThreadRequest): void {
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= setup.mostKept && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(id, request);
  }

  /** What nobody waits for may throw, or be a promise that rejects. */
  async #call(act: () => unknown): Promise<void> {
    try {
      await act();
    } catch (error) {
      fault(error);
    }
  }
}

/** What else it may have on it need not be able to travel. */
function plainAnswer(answer: Answer | undefined): Answer | undefined {
  if (answer === undefined) return undefined;
  const { status, headers = {}, body = "" } = answer;
  return { status, headers, body };
}

function hooksOf({ path, text, version, settings }: ThreadSetup): Hooks {
  const definition = loadOwn(path, text, version);
  const hooks = definition.create(settingsFor(definition, settings), api);
  if (hooks.onResponse !== undefined) throw new TypeError(noResponseHook);
  return hooks;
}

try {
  const hooks = hooksOf(setup);
  const desk = new Desk(hooks);
  parentPort?.on("message", (words: ToThread) => desk.take(words));
  say({ kind: "up", hasDone: hooks.onDone !== undefined });
} catch (error) {
  say({ kind: "unfit", cause: faultText(error) });
}
