// How the supervisor tells a primary what it is to do: one argument, as JSON.

import type { Legacy } from "./messages.ts";
import type { ProgramSettings } from "./program-settings.ts";

export interface PrimaryArguments {
  readonly settings: ProgramSettings;
  readonly supervisor: SupervisorNote;
}

export interface SupervisorNote {
  readonly pid: number;
  /** Nobody served before: it greets, and says on the terminal why it cannot start. */
  readonly isFirst: boolean;
  readonly legacy: Legacy;
  /** The secret of session tickets follows as a message. */
  readonly hasTicket?: boolean;
}

export function writePrimaryArguments(given: PrimaryArguments): string {
  return JSON.stringify(given);
}

/** Throws when the text was not made by `writePrimaryArguments`. */
export function readPrimaryArguments(text = ""): PrimaryArguments {
  const value: unknown = JSON.parse(text);
  if (!isPrimaryArguments(value)) throw new Error("the primary was started in an unknown way");
  return value;
}

function isPrimaryArguments(value: unknown): value is PrimaryArguments {
  return (
    typeof value === "object" && value !== null && "settings" in value && "supervisor" in value
  );
}
