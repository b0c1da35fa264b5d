// A route or a service as it was written, with what its preset stands for written out: nothing else of it changes.

import { isRecord } from "../lib/json.ts";
import { presetNames, presets } from "./presets.ts";

const gateways = ["fastcgi", "scgi", "uwsgi"] as const;

/** As it is where there is no preset. */
export function withoutPreset(value: unknown): unknown {
  if (!isRecord(value)) return value;
  const { preset: written, ...rest } = value;
  if (isRecord(rest["service"])) return { ...value, service: withoutPreset(rest["service"]) };
  const name = presetNames.find((each) => each === written);
  if (name === undefined) return value;
  const usual = presets[name];
  const speaks = gateways.find((each) => rest[each] !== undefined) ?? "fastcgi";
  const { files, [speaks]: program, timeouts, ...others } = rest;
  return {
    ...others,
    ...layered("files", usual.files, inWords(files, "root"), usual.files["root"] !== undefined),
    ...layered(
      speaks,
      usual.fastcgi,
      inWords(program, "backends"),
      usual.fastcgi["backends"] !== undefined,
    ),
    ...layered("timeouts", usual.timeouts ?? {}, timeouts, usual.timeouts !== undefined),
  };
}

/** A short form as the mapping it stands for. */
function inWords(value: unknown, main: string): unknown {
  return value === undefined || isRecord(value) ? value : { [main]: value };
}

function layered(
  key: string,
  usual: Readonly<Record<string, unknown>>,
  said: unknown,
  isComplete: boolean,
): Record<string, unknown> {
  if (said === undefined) return isComplete ? { [key]: usual } : {};
  if (!isRecord(said)) return { [key]: said };
  const { try: steps, params, ...others } = usual;
  const isSpa = said["spa"] === true && said["try"] === undefined;
  const own = said["params"];
  return {
    [key]: {
      ...others,
      ...(isSpa || steps === undefined ? {} : { try: steps }),
      ...said,
      ...(isRecord(params) ? { params: { ...params, ...(isRecord(own) ? own : {}) } } : {}),
    },
  };
}
