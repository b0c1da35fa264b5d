// `explain` on the command line.

import type { Command } from "commander";
import { type Common, common, type Finish, running } from "./operating-command.ts";

interface Flags extends Common {
  readonly config?: string;
  readonly header: readonly string[];
  readonly from?: string;
  readonly listener?: string;
}

export function addExplain(program: Command, finish: Finish): void {
  const collect = (line: string, before: readonly string[]) => [...before, line];
  const none: readonly string[] = [];
  running(
    program,
    "explain",
    "say what becomes of a request, and why; exit code 1 if no route takes it",
    [
      "tidegate explain https://shop.example.com/cart",
      'tidegate explain POST http://shop.example.com/api -H "X-Beta: 1" --from 203.0.113.7',
      "tidegate explain -c tidegate.yaml http://shop.example.com/",
    ],
  )
    .argument("<method-or-url>", "GET, POST …, or the URL alone, which is asked for with GET")
    .argument("[url]")
    .option("-H, --header <line>", 'a header, "Name: value"; may be said again', collect, none)
    .option("--from <ip>", "address of whoever connects; without it somebody on the internet")
    .option("--listener <name>", "where it comes in; without it the one for the URL")
    .option("-c, --config <file>", "explain this configuration, which need not run")
    .action((first: string, url: string | undefined, options: Flags) =>
      finish(async () => {
        const { explain } = await import("./explain.ts");
        const { header: headers, config, from, listener } = options;
        const asked = url === undefined ? [first] : [first, url];
        return explain(asked, { ...common(options), headers, config, from, listener });
      }),
    );
}
