// A process that loads a middleware of somebody's own and tries its settings, and says what is wrong; one for a thread is also
// made. Apart from the program, since a module may do anything when it is loaded, and hang.

import { writeSync } from "node:fs";
import { text } from "node:stream/consumers";
import { Worker } from "node:worker_threads";
import { issuesOf, longestCheckMs, type OwnQuestion, type OwnVerdict } from "./check-words.ts";
import type { Definition } from "./contract.ts";
import { loadOwn, settingsFor } from "./module.ts";
import { noResponseHook } from "./thread-words.ts";

// Whoever asked may have gone meanwhile: a loop without an end would turn for ever. Another thread sees to that.
const latest = `setTimeout(() => process.kill(process.pid, "SIGKILL"), ${longestCheckMs + 1000})`;
new Worker(latest, { eval: true }).unref();

const question: OwnQuestion = JSON.parse(await text(process.stdin));
// Whatever the module prints is not the answer.
writeSync(3, JSON.stringify(verdictOn(question)));
process.exit(0);

function verdictOn({ path, text: source, settings, isThreaded }: OwnQuestion): OwnVerdict {
  let definition: Definition<unknown>;
  try {
    definition = loadOwn(path, source, "check");
  } catch (error) {
    return { fault: faultOf(error, path), issues: [] };
  }
  let read: unknown;
  try {
    read = settingsFor(definition, settings);
  } catch (error) {
    return { fault: undefined, issues: issuesOf(error) };
  }
  return { fault: isThreaded ? makingFault(definition, read, path) : undefined, issues: [] };
}

/** A thread begins with its first request: what is wrong with it by then would be told too late. */
function makingFault(
  definition: Definition<unknown>,
  settings: unknown,
  path: string,
): string | undefined {
  try {
    const hooks = definition.create(settings, { owner: "its check", warn: () => {} });
    return hooks.onResponse === undefined ? undefined : noResponseHook;
  } catch (error) {
    return `create: ${faultOf(error, path)}`;
  }
}

/** With the line of the file, where Node says one. */
function faultOf(error: unknown, path: string): string {
  const { message = String(error), stack = "" } = error instanceof Error ? error : {};
  const own = path.replace(/\.[^.]*$/, "");
  const at = stack.indexOf(`${own}@check`);
  const [, line] = at < 0 ? [] : (/^[^\n]*?:(\d+)/.exec(stack.slice(at + own.length)) ?? []);
  const [first = ""] = message.split("\n");
  return line === undefined ? first : `line ${line}: ${first}`;
}
