// The services that a service is made of, by name.

import type { FilesService } from "./files.ts";
import type { Service } from "./service.ts";

/** What the program of a service with files is called. */
export function scriptsOf(name: string): string {
  return `${name}@scripts`;
}

/** Also of what was discovered, whose provider stands behind. */
export function isScripts(name: string): boolean {
  return /@scripts(@|$)/.test(name);
}

/** Also those whose answers nobody sees; one may stand there twice. */
export function partsOf(service: Service): readonly string[] {
  if (service.kind !== "mirror") return answerersOf(service);
  return [service.service, ...service.copies.map((copy) => copy.service)];
}

/** Those that a client's request may go to. */
export function answerersOf(service: Service): readonly string[] {
  switch (service.kind) {
    case "backends":
      return [];
    case "files": {
      const last = service.try.at(-1);
      return [
        ...(service.scripts === undefined ? [] : [service.scripts.service]),
        ...(last?.kind === "service" ? [last.service] : []),
      ];
    }
    case "split":
      return service.parts.map((part) => part.service);
    case "failover":
      return service.services;
    case "mirror":
      return [service.service];
    case "addressed":
      return Object.values(service.members);
  }
}

/** With other names: its own, and those of all that it leads to. */
export function renamedService(service: Service, rename: (name: string) => string): Service {
  const name = rename(service.name);
  switch (service.kind) {
    case "backends":
      return { ...service, name };
    case "files":
      return { ...service, ...renamedFiles(service, rename), name };
    case "split": {
      const parts = service.parts.map((part) => ({ ...part, service: rename(part.service) }));
      return { ...service, name, parts };
    }
    case "failover":
      return { ...service, name, services: service.services.map(rename) };
    case "mirror": {
      const copies = service.copies.map((copy) => ({ ...copy, service: rename(copy.service) }));
      return { ...service, name, service: rename(service.service), copies };
    }
    case "addressed": {
      const members = Object.entries(service.members).map(([at, each]) => [at, rename(each)]);
      return { ...service, name, members: Object.fromEntries(members) };
    }
  }
}

function renamedFiles(
  { try: steps, scripts }: FilesService,
  rename: (name: string) => string,
): Pick<FilesService, "try" | "scripts"> {
  return {
    try: steps.map((step) =>
      step.kind === "service" ? { ...step, service: rename(step.service) } : step,
    ),
    scripts: scripts === undefined ? undefined : { ...scripts, service: rename(scripts.service) },
  };
}
