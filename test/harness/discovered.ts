// What a program under test says about discovery, and what it serves by it.

import { readDiscovery } from "../../src/admin/discovery-answer.ts";
import { askControl } from "../../src/admin/control-client.ts";
import type { DiscoveryRows } from "../../src/admin/operations.ts";
import type { Finding, Note } from "../../src/config/finding.ts";
import { ask } from "./ask.ts";
import { eventually } from "./barrier.ts";
import type { Tidegate } from "./tidegate.ts";

const patienceMs = 15_000;

export async function discoveryOf(program: Pick<Tidegate, "control">): Promise<DiscoveryRows> {
  const answer = await askControl(program.control, { route: "/v1/discovery", timeoutMs: 5000 });
  const rows = answer.kind === "answer" ? readDiscovery(answer.body) : undefined;
  if (rows === undefined) throw new Error(`no discovery: ${JSON.stringify(answer)}`);
  return rows;
}

/** The finding of this name, once it is there and fits. */
export async function found(
  program: Pick<Tidegate, "control">,
  name: string,
  fits: (finding: Finding, rows: DiscoveryRows) => boolean = () => true,
): Promise<Finding> {
  let last: DiscoveryRows | undefined;
  try {
    return await eventually(
      `the finding ${name}`,
      async () => {
        last = await discoveryOf(program);
        const finding = last.findings.find((each) => each.name === name);
        return finding !== undefined && fits(finding, last) ? finding : undefined;
      },
      patienceMs,
    );
  } catch (error) {
    throw new Error(`${String(error)}; last seen: ${JSON.stringify(last, undefined, 1)}`, {
      cause: error,
    });
  }
}

/** Notes that a person would look at. */
export function complaints({ notes }: Finding): readonly Note[] {
  return notes.filter(({ severity }) => severity !== "info");
}

export interface Asked {
  readonly status: number;
  /** The page of the container that answered, trimmed. */
  readonly body: string;
}

export async function asked(port: number, name: string, path = "/"): Promise<Asked> {
  const { status, body } = await ask(port, { name, path, headers: { Connection: "close" } });
  return { status, body: body.trim() };
}

/** Waits until this container answers for the host. */
export async function answeredBy(
  program: Pick<Tidegate, "control" | "port" | "stderr">,
  name: string,
  container: string,
  path = "/",
): Promise<void> {
  let last: Asked | undefined;
  try {
    await eventually(
      `${container} to answer for ${name}${path}`,
      async () => {
        last = await asked(program.port(), name, path);
        return last.status === 200 && last.body === container ? true : undefined;
      },
      patienceMs,
    );
  } catch (error) {
    const seen = JSON.stringify(await discoveryOf(program), undefined, 1);
    const said = `the last answer: ${JSON.stringify(last)}\n${seen}\n${program.stderr()}`;
    throw new Error(`${String(error)}; ${said}`, { cause: error });
  }
}
