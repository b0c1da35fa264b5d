// What a `Priority` field or a PRIORITY_UPDATE frame says (RFC 9218 section 4): a dictionary, of which two keys count.

export const defaultUrgency = 3;

export interface Priority {
  /** 0 is first, 7 is last. */
  readonly urgency: number;
  /** Parts of it are of use: several such may share the line. */
  readonly isIncremental: boolean;
}

/** What cannot be read is as if it were not there (section 4). */
export function readPriority(value: string): Priority {
  let urgency = defaultUrgency;
  let isIncremental = false;
  for (const member of value.split(",")) {
    const [key = "", given] = member.split(";", 1)[0]!.trim().split("=");
    if (key === "u" && given !== undefined && /^[0-7]$/.test(given)) urgency = Number(given);
    else if (key === "i") isIncremental = given === undefined || given === "?1";
  }
  return { urgency, isIncremental };
}
