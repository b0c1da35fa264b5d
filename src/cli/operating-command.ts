// What all commands that speak to the running program have in common. They end with 0 = done,
// 1 = refused or failed, 3 = not running.

import type { Command } from "commander";

/** Has the process end with the code that the command returns. */
export type Finish = (work: () => Promise<number>) => Promise<void>;

export interface Common {
  readonly control?: string;
  readonly json: boolean;
}

export const common = ({ control, json }: Common) => ({ control, json });

export function running(
  program: Command,
  name: string,
  description: string,
  examples: readonly string[] = [],
): Command {
  const command = program
    .command(name)
    .description(description)
    .option("--json", "as JSON", false)
    .option("--control <path>", "control socket of the program (also TIDEGATE_CONTROL)");
  const lines = examples.map((each) => `\n  ${each}`).join("");
  return lines === "" ? command : command.addHelpText("after", `\nExamples:${lines}`);
}
