// The commands that pages show: each exists, and takes the options it is shown with. What they print is the tutorial's
// and the guides' own tests' business.

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { runCommand, tidegate } from "../harness/command.ts";

const root = resolve(import.meta.dirname, "../..");
const pages = globSync("{docs/**/*.md,README.md}", { cwd: root }).sort();

interface Shown {
  readonly page: string;
  readonly line: string;
  /** What follows `tidegate`. */
  readonly words: readonly string[];
}

/** Lines of shell examples, as a shell splits them, roughly: quotes hold no command of ours. */
function commandsIn(page: string, text: string): Shown[] {
  const found: Shown[] = [];
  for (const [, block = ""] of text.matchAll(/^ *```sh[^\n]*\n([\s\S]*?)^ *```/gm)) {
    const joined = block.replaceAll(/\\\n\s*/g, " ");
    for (const line of joined.split("\n")) {
      const bare = line.replaceAll(/'[^']*'|"[^"]*"/g, "X").replace(/(^|\s)#.*$/, "");
      for (const part of bare.split(/[|;&)]+|\$\(/)) {
        const [, rest] = /(?:^|\s|\/)tidegate (.+)$/.exec(part.trim()) ?? [];
        const isOurs = /^(\$ |sudo |[A-Z_]+=\S* )*(\S*\/)?tidegate /.test(part.trim());
        if (rest === undefined || !isOurs) continue;
        found.push({ page, line: line.trim(), words: rest.trim().split(/\s+/) });
      }
    }
  }
  return found;
}

interface Help {
  readonly commands: ReadonlySet<string>;
  readonly options: ReadonlySet<string>;
}

const helps = new Map<string, Promise<Help>>();

function helpOf(path: readonly string[]): Promise<Help> {
  const key = path.join(" ");
  const known = helps.get(key) ?? readHelp(path);
  helps.set(key, known);
  return known;
}

async function readHelp(path: readonly string[]): Promise<Help> {
  const { code, stdout, stderr } = await runCommand(tidegate, [...path, "--help"]);
  assert.equal(code, 0, `tidegate ${path.join(" ")} --help: ${stderr}`);
  const [head = "", below = ""] = stdout.split(/^Commands:$/m);
  const commands = [...below.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name = ""]) => name);
  const options = [...head.matchAll(/(--?[a-z][a-z-]*)/g)].map(([, name = ""]) => name);
  return { commands: new Set(commands), options: new Set([...options, "--help", "-h"]) };
}

/** undefined = it is fine. */
async function faultOf({ words }: Pick<Shown, "words">): Promise<string | undefined> {
  let path: readonly string[] = [];
  let help = await helpOf(path);
  for (const word of words) {
    if (help.commands.size > 0 && !word.startsWith("-")) {
      if (!help.commands.has(word)) return `there is no command ${[...path, word].join(" ")}`;
      path = [...path, word];
      help = await helpOf(path);
    } else if (/^--?[a-z]/.test(word)) {
      const [option = ""] = word.split("=");
      if (!help.options.has(option)) return `tidegate ${path.join(" ")} takes no ${option}`;
    }
  }
  return undefined;
}

test(
  "every command that a page shows exists and takes these options",
  { timeout: 110_000 },
  async () => {
    const all = pages.flatMap((page) => commandsIn(page, readFileSync(join(root, page), "utf8")));
    assert.ok(all.length > 60, `only ${all.length} commands were found`);
    const wrong: string[] = [];
    for (const shown of all) {
      const fault = await faultOf(shown);
      if (fault !== undefined) wrong.push(`${shown.page}: ${shown.line}: ${fault}`);
    }
    assert.deepEqual(wrong, []);
    const [planted] = commandsIn("p.md", "```sh\n$ bin/tidegate routes --jsn | cat\n```\n");
    assert.equal(await faultOf(planted ?? { words: [] }), "tidegate routes takes no --jsn");
    assert.equal(await faultOf({ words: ["rootes"] }), "there is no command rootes");
  },
);
