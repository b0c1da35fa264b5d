// The part of the command line that is about services and their backends. `drain` and `resume` have two
// meanings: without a service they are about the whole program.

import { type Command, InvalidArgumentError } from "commander";
import { type Common, common, type Finish, running } from "./operating-command.ts";

const orders = () => import("./service-orders.ts");
const backendHelp = "its URL, or a part that only one of them has: HOST:PORT";

export function addServiceOperations(program: Command, finish: Finish): void {
  running(program, "services", "show services and their backends, or one service", [
    "tidegate services",
    "tidegate services shop",
    "tidegate services --json | jq '.[] | select(.state != \"up\")'",
  ])
    .argument("[service]", "with what it is made of")
    .action((service: string | undefined, options: Common) =>
      finish(async () => (await import("./services.ts")).services(service, common(options))),
    );
  running(program, "pause", "have the requests of a service wait until resume", [
    "tidegate pause shop && ./deploy-shop; tidegate resume shop",
  ])
    .argument("<service>", "its name, as `tidegate services` shows it")
    .action((service: string, options: Common) =>
      finish(async () => (await orders()).pauseService(service, common(options))),
    );
  running(program, "maintenance", "answer a service's requests with its maintenance page, or not", [
    "tidegate maintenance shop on",
  ])
    .argument("<service>", "its name, as `tidegate services` shows it")
    .argument("<on|off>", "off ends what on began; the configuration may still say so", readSwitch)
    .action((service: string, on: boolean, options: Common) =>
      finish(async () => (await orders()).setMaintenance(service, on, common(options))),
    );
  addCache(program, finish);
  addDrain(program, finish);
  addResume(program, finish);
  const alert = program.command("alert").description("try the alerts");
  running(alert, "test", "send a test message over every channel; exit code 1 if one fails", [
    "tidegate alert test",
  ]).action((options: Common) =>
    finish(async () => (await import("./alert-test.ts")).alertTest(common(options))),
  );
}

function addCache(program: Command, finish: Finish): void {
  interface Wishes extends Common {
    readonly prefix?: string;
    readonly tag?: string;
    readonly all?: boolean;
    readonly route?: string;
  }
  const command = running(program, "cache", "show what the caches of routes keep").action(
    (options: Common) => finish(async () => (await import("./cache.ts")).caches(common(options))),
  );
  running(command, "purge", "take answers out of the caches of all workers", [
    "tidegate cache purge https://shop.example/prices",
    "tidegate cache purge --prefix https://shop.example/images/",
    "tidegate cache purge --tag product-7",
  ])
    .argument("[url]", "as clients ask for it, with its query")
    .option("--prefix <url>", "all that begin so")
    .option("--tag <tag>", "all that were given this tag")
    .option("--all", "everything")
    .option("--route <name>", "only of this route")
    .action((url: string | undefined, _: Wishes, sub: Command) =>
      finish(async () => {
        const options = sub.optsWithGlobals<Wishes>();
        return (await import("./cache.ts")).purgeCache({ url, ...options }, common(options));
      }),
    );
}

function addDrain(program: Command, finish: Finish): void {
  running(program, "drain", "finish what runs and take no more: the program, or one backend", [
    "tidegate drain                       the program: accepts no more connections",
    "tidegate drain shop 10.0.0.1:80      a backend: gets nothing but the sessions it has",
    "tidegate drain shop 10.0.0.1 --wait  the same, until nothing is in flight there",
  ])
    .argument("[service]", "without it the whole program")
    .argument("[backend]", backendHelp)
    .option("--wait", "until it is finished; the usual thing for the program")
    .option("--no-wait", "return at once; the usual thing for a backend")
    .action(
      (
        service: string | undefined,
        backend: string | undefined,
        options: Common & { readonly wait?: boolean },
      ) =>
        finish(async () => {
          if (service !== undefined) {
            const wait = options.wait ?? false;
            return (await orders()).drainBackend(service, backend, { ...common(options), wait });
          }
          const { act } = await import("./act.ts");
          return act("drain", { ...common(options), wait: options.wait ?? true });
        }),
    );
}

function addResume(program: Command, finish: Finish): void {
  running(program, "resume", "end what drain, pause and maintenance began", [
    "tidegate resume                   the program accepts connections again",
    "tidegate resume shop              ends its pause, and maintenance that a command began",
    "tidegate resume shop 10.0.0.1:80  the backend gets requests again",
  ])
    .argument("[service]", "without it the whole program")
    .argument("[backend]", backendHelp)
    .action((service: string | undefined, backend: string | undefined, options: Common) =>
      finish(async () =>
        service === undefined
          ? (await import("./act.ts")).act("resume", common(options))
          : (await orders()).resumeService(service, backend, common(options)),
      ),
    );
}

function readSwitch(text: string): boolean {
  if (text !== "on" && text !== "off") throw new InvalidArgumentError("Write on or off.");
  return text === "on";
}
