// A service with what its preset adds. Each key that is said wins over that of the preset, and each of `params` by itself:
// who adds one does not mean to take away another.

import { given } from "./context.ts";
import type { FilesInput } from "./files-schema.ts";
import type { GatewayProtocol } from "./gateway.ts";
import type { GatewayInput } from "./gateway-schema.ts";
import { presets } from "./presets.ts";
import { serviceMapping } from "./service-schema.ts";
import type { ServiceInput } from "./service-schema.ts";

const gateways = ["fastcgi", "scgi", "uwsgi"] as const;

/** What is spoken to the program of a service; undefined = it has none. */
export function gatewayOf(input: ServiceInput): GatewayProtocol | undefined {
  return gateways.find((each) => input[each] !== undefined);
}

export function withPreset(input: ServiceInput): ServiceInput {
  const { preset: name, ...said } = input;
  if (name === undefined) return input;
  const { files: usualFiles, fastcgi: usualProgram, timeouts: usualTimeouts } = presets[name];
  // In the words of the file, so they are read as these are.
  const usual = serviceMapping.parse({
    files: usualFiles,
    fastcgi: usualProgram,
    ...(usualTimeouts === undefined ? {} : { timeouts: usualTimeouts }),
  });
  const speaks = gatewayOf(said);
  const files = filesOver(usual.files, said.files);
  const program = programOver(usual.fastcgi, speaks === undefined ? undefined : said[speaks]);
  return {
    ...said,
    ...(files === undefined ? {} : { files }),
    ...(program === undefined ? {} : { [speaks ?? "fastcgi"]: program }),
    timeouts: { ...given(usual.timeouts), ...given(said.timeouts) },
  };
}

function filesOver(usual: FilesInput = {}, said: FilesInput | undefined): FilesInput | undefined {
  if (said === undefined) return usual.root === undefined ? undefined : usual;
  // Two ways of saying the same.
  const { try: usualTry, ...others } = usual;
  const isSpa = said.spa === true && said.try === undefined;
  return { ...others, ...(isSpa ? {} : given({ try: usualTry })), ...given(said) };
}

function programOver(
  usual: GatewayInput = {},
  said: GatewayInput | undefined,
): GatewayInput | undefined {
  if (said === undefined) return usual.backends === undefined ? undefined : usual;
  const params = said.params === undefined ? undefined : { ...usual.params, ...said.params };
  return { ...usual, ...given({ ...said, params }) };
}
