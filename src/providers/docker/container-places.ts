// Where the files of containers are, by what the engine tells: the number of the first process of each. A socket of
// this machine may lead to an engine of another one, or of a virtual machine, whose numbers mean somebody else here;
// so a process is only taken when the kernel says that it is of that container.

import { readFile } from "node:fs/promises";
import type { GuestPlace } from "../../config/guest.ts";
import type { DockerSettings } from "../../config/provider-settings.ts";
import { FirstProcesses } from "../first-process.ts";
import type { Container } from "./container.ts";
import { containerIdIn } from "./own-place.ts";

export class ContainerPlaces {
  readonly #isHere: boolean;
  readonly #processes = new FirstProcesses();

  constructor({ endpoint }: Pick<DockerSettings, "endpoint">) {
    this.#isHere = endpoint.kind === "unix";
  }

  /** By id. Never rejects. */
  async of(containers: ReadonlyMap<string, Container>): Promise<ReadonlyMap<string, GuestPlace>> {
    this.#processes.begin();
    const all = [...containers.values()].map(async (each): Promise<[string, GuestPlace]> => [
      each.id,
      await this.#placeOf(each),
    ]);
    return new Map(await Promise.all(all));
  }

  async #placeOf({ id, pid, state, startedAt }: Container): Promise<GuestPlace> {
    const nowhere = (why: string): GuestPlace => ({ rootfs: undefined, init: undefined, why });
    if (!this.#isHere) {
      return nowhere(
        "its engine is asked over the network, so its files may be another machine's: ask the engine at its unix socket",
      );
    }
    if (state !== "running" && state !== "paused" && state !== "stopping") {
      return nowhere(state === "starting" ? "it is starting" : "it does not run");
    }
    if (pid === 0) return nowhere("the engine does not say which its first process is");
    const run = `${startedAt}`;
    const init = await this.#processes.of(id, { pid, run }, (each) => isOf(each, id));
    if (init !== undefined) return { rootfs: undefined, init, why: "" };
    return nowhere(
      `process ${pid}, which the engine names as its first one, does not show that it is of this container: its engine runs elsewhere, or Tidegate may not look (it needs CAP_SYS_PTRACE: \`tidegate install --guests\`)`,
    );
  }
}

/** By its group, which everybody may see, or by the files that the engine mounts into each. */
async function isOf(pid: number, id: string): Promise<boolean> {
  const groups = await textOf(`/proc/${pid}/cgroup`);
  if (groups.split("\n").some((line) => isGroupOf(line, id))) return true;
  return containerIdIn(await textOf(`/proc/${pid}/mountinfo`)) === id;
}

/** `0::/docker/ID`, `…/docker-ID.scope`, `…/libpod-ID.scope/container`: the innermost id counts. */
function isGroupOf(line: string, id: string): boolean {
  return line.match(/[0-9a-f]{64}/g)?.at(-1) === id;
}

function textOf(path: string): Promise<string> {
  return readFile(path, "latin1").catch(() => ""); // it has ended, or is none of our business
}
