// Lists of media types, as several middlewares have them.

import { list, parsed } from "../scalar.ts";

const remedy = "write text/html, text/* or *+json";

const bodyType = parsed({ what: "a media type", remedy }, (value, refuse) => {
  const type = value.toLowerCase();
  const isOne = /^[\w!#$&^.+-]+\/(?:\*|[\w!#$&^.+-]+)$/.test(type) || /^\*\+[\w.-]+$/.test(type);
  return isOne ? type : refuse(`${JSON.stringify(value)} is not a media type`, remedy);
});

export function bodyTypes() {
  return list(bodyType, { what: "a list of media types", remedy: "write [text/html, text/*]" });
}
