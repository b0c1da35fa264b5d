// The fields that tell a backend who asks: a client's own are taken out, and ours stand in their place. Whoever asks what a
// client said of itself, or what makes two requests the same, means these.

import { Field, type FieldId } from "./fields.ts";

/** The X-Forwarded family, and what is nearly spelled so. */
export const forwardedFields: readonly FieldId[] = [
  Field.X_FORWARDED_FOR,
  Field.X_FORWARDED_HOST,
  Field.X_FORWARDED_PORT,
  Field.X_FORWARDED_PROTO,
  Field.X_FORWARDED_PROTOCOL,
  Field.X_FORWARDED_SERVER,
  Field.X_FORWARDED_PREFIX,
  Field.X_REAL_IP,
  Field.FORWARDED,
  Field.SPELLED,
];
