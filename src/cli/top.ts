// `tidegate top`: what goes through the running program, once a second. In a terminal it stays and listens to keys; in a
// pipe, with --once or --json it is printed once.

import { readMeasured, type Measured } from "../admin/measures.ts";
import { terminalWidth } from "./fitted-table.ts";
import { type Colour, paint } from "./paint.ts";
import { ask, type CommandOptions, NoAnswer, placeOf, printJson, understood } from "./running.ts";
import { firstChoice, pressed } from "./top-keys.ts";
import { screenOf, summaryLines, tableLines, tabs } from "./top-view.ts";

export interface TopOptions extends CommandOptions {
  readonly once: boolean;
}

const everyMs = 1000;
const answerWaitMs = 5000;
/** Of routes, services and backends. More than a person looks through; a filter is for the program's names. */
const rows = 1000;
/** Seconds of the line of bars. */
const history = 300;

/** Returns the exit code. */
export async function top(options: TopOptions): Promise<number> {
  const path = placeOf(options);
  const route = `/api/v1/measures?limit=${rows}&history=${history}`;
  const question = { route, timeoutMs: answerWaitMs };
  const answer = await ask(path, question);
  const first = understood(answer, readMeasured);
  if (options.json) {
    printJson(answer.body);
    return 0;
  }
  if (options.once || !process.stdout.isTTY) {
    process.stdout.write(`${onceLines(first).join("\n")}\n`);
    return 0;
  }
  await new TopScreen(first, async () => understood(await ask(path, question), readMeasured)).run();
  return 0;
}

const colour = (name: Colour, text: string) => paint(process.stdout, name, text);

function onceLines(measured: Measured): readonly string[] {
  const tables = tabs.flatMap((tab) => {
    const lines = tableLines(measured, { tab, sort: 0, filter: "" }, terminalWidth(), colour);
    return lines.length > 1 ? ["", ...lines] : [];
  });
  return [...summaryLines(measured), ...tables];
}

// Another screen than the one with the user's lines, and no cursor; both are put back at the end.
const enter = "\u001B[?1049h\u001B[?25l";
const leave = "\u001B[?25h\u001B[?1049l";
// What is written between these is shown at once, by terminals that know them; others pass over it.
const beginFrame = "\u001B[?2026h\u001B[H";
const endFrame = "\u001B[J\u001B[?2026l";
const clearLine = "\u001B[K";

class TopScreen {
  #measured: Measured;
  #choice = firstChoice;
  #trouble: string | undefined;
  readonly #next: () => Promise<Measured>;
  readonly #end = Promise.withResolvers<void>();
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(first: Measured, next: () => Promise<Measured>) {
    this.#measured = first;
    this.#next = next;
  }

  /** Until whoever sits there wants to leave. */
  async run(): Promise<void> {
    const { stdin, stdout } = process;
    const paintAgain = () => this.#paint();
    const over = () => this.#end.resolve();
    const onKeys = (bytes: Buffer) => this.#press(bytes.toString());
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
    for (const name of signals) process.on(name, over);
    stdout.on("resize", paintAgain);
    stdout.on("error", over);
    if (stdin.isTTY) {
      stdin.setRawMode(true);
      stdin.on("data", onKeys);
    }
    stdout.write(enter);
    try {
      this.#paint();
      this.#ask();
      await this.#end.promise;
    } finally {
      this.#isOver = true;
      clearTimeout(this.#timer);
      stdout.off("resize", paintAgain);
      if (stdin.isTTY) {
        stdin.off("data", onKeys);
        stdin.setRawMode(false);
        stdin.pause();
      }
      stdout.write(leave);
    }
  }

  #press(keys: string): void {
    const choice = pressed(this.#choice, keys);
    if (choice === undefined) {
      this.#end.resolve();
      return;
    }
    this.#choice = choice;
    this.#paint();
  }

  /** Asks, waits a second, asks again. A program that is replaced answers again soon. */
  #ask(): void {
    this.#timer = setTimeout(() => {
      this.#next().then(
        (measured) => {
          this.#measured = measured;
          this.#trouble = undefined;
          this.#again();
        },
        (error: unknown) => {
          if (!(error instanceof NoAnswer)) {
            this.#end.reject(error);
            return;
          }
          this.#trouble = `${error.message.split("\n")[0] ?? ""}; it is asked again`;
          this.#again();
        },
      );
    }, everyMs);
  }

  #again(): void {
    if (this.#isOver) return;
    this.#paint();
    this.#ask();
  }

  #paint(): void {
    const { columns, rows: height } = process.stdout;
    // Some terminals do not know their size at first.
    const size = { columns: columns > 0 ? columns : 80, rows: height > 0 ? height : 24 };
    const { lines, offset } = screenOf(this.#measured, this.#choice, size, colour, this.#trouble);
    this.#choice = { ...this.#choice, offset };
    const text = lines.map((line) => `${line}${clearLine}`).join("\r\n");
    process.stdout.write(`${beginFrame}${text}${endFrame}`);
  }
}
