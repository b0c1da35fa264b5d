// A control socket with sample operations behind it, and the commands that are told to ask there.

import { ControlServer } from "../../src/admin/control-server.ts";
import { createLogger } from "../../src/lib/log.ts";
import { type Ended, runCommand, tidegate } from "./command.ts";
import { SampleOperations } from "./sample-operations.ts";
import { type TempFolder, tempFolder } from "./temp-folder.ts";

export const quietLog = createLogger({ pretty: false, level: "silent" });

export interface SampleHost extends AsyncDisposable {
  readonly operations: SampleOperations;
  readonly path: string;
  readonly folder: TempFolder;
  readonly server: ControlServer;
  /** A command with --control. */
  run(...args: readonly string[]): Promise<Ended>;
}

export async function sampleHost(): Promise<SampleHost> {
  const folder = await tempFolder();
  const path = folder.file("control.sock");
  const operations = new SampleOperations();
  const opening = await ControlServer.open({ path, operations, log: quietLog, replace: false });
  if (opening.kind !== "listening") throw new Error("the path is taken");
  return {
    operations,
    path,
    folder,
    server: opening.server,
    run: (...args) => runCommand(tidegate, [...args, "--control", path]),
    async [Symbol.asyncDispose]() {
      await opening.server.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}
