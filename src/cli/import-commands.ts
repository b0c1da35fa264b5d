// `tidegate import PROGRAM FILE`: the programs whose configuration can be read. Each importer is loaded when it is
// asked for.

import type { Command } from "commander";
import type { Importer } from "./import.ts";

interface Known {
  /** As it is written on the command line, and as people know it. */
  readonly program: string;
  readonly file: string;
  readonly description: string;
  load(): Promise<Importer>;
}

const known: readonly Known[] = [
  {
    program: "nginx",
    file: "nginx.conf",
    description: "from nginx.conf, a file of sites-enabled, or a snippet of locations",
    load: async () => (await import("../importers/nginx.ts")).importNginx,
  },
  {
    program: "traefik",
    file: "dynamic.yaml",
    description: "from the file of Traefik's file provider",
    load: async () => (await import("../importers/traefik.ts")).importTraefik,
  },
  {
    program: "caddy",
    file: "Caddyfile",
    description: "from a Caddyfile, the common part of it",
    load: async () => (await import("../importers/caddy.ts")).importCaddy,
  },
  {
    program: "docker-proxy",
    file: "docker-proxy.yaml",
    description: "from Docker Proxy's YAML, or a file with the variables of its environment",
    load: async () => (await import("../importers/docker-proxy.ts")).importDockerProxy,
  },
  {
    program: "hipache",
    file: "config.json",
    description: "from Hipache's config.json of any version; its Redis stays as it is",
    load: async () => (await import("../importers/hipache.ts")).importHipache,
  },
  {
    program: "proxy-etc",
    file: "routes.json",
    description: "from routes.json of proxy-etc, or its config.js, which is run to be read",
    load: async () => (await import("./import-proxy-etc.ts")).importProxyEtc,
  },
  {
    program: "vm-http-proxy",
    file: "config.js",
    description: "from the config.js of vm-http-proxy, which is run to be read",
    load: async () => (await import("./import-vm-http-proxy.ts")).importVmHttpProxy,
  },
];

export function addImportCommands(program: Command, end: (code: number) => Promise<never>): void {
  const command = program
    .command("import")
    .description("print the configuration of another program as one of ours")
    .addHelpText(
      "after",
      "\nExample:\n  tidegate import nginx /etc/nginx/nginx.conf > tidegate.yaml\n  tidegate check tidegate.yaml",
    );
  for (const { program: name, file, description, load } of known) {
    command
      .command(`${name} <${file}>`)
      .description(description)
      .action(async (path: string) => {
        const { importConfig } = await import("./import.ts");
        await end(await importConfig(path, { program: name, importer: await load() }));
      });
  }
}
