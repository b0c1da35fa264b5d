// A route that is closed: somebody asked for a protection, or a way to speak, that we do not have. Leaving the
// route out would give its requests to the next one that fits; serving it without would be worse.

/** As under `routes` in the file. */
export function closed(why: string): Readonly<Record<string, unknown>> {
  return { respond: { status: 503, body: `Closed: ${why}\n` } };
}
