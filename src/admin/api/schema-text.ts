// What a JSON Schema asks for, in a few words.

import type { Schema } from "./document.ts";

export function typeText(schema: Schema): string {
  const { $ref: ref, title, const: constant, enum: words, anyOf, type, items } = schema;
  if (typeof ref === "string") return ref.split("/").at(-1) ?? "";
  if (typeof title === "string" && title !== "oneOrMore") return title;
  if (constant !== undefined) return JSON.stringify(constant);
  if (Array.isArray(words)) return words.map((each) => JSON.stringify(each)).join(" or ");
  if (Array.isArray(anyOf)) {
    const forms = anyOf.map((each: unknown) => (isSchema(each) ? typeText(each) : "anything"));
    return [...new Set(forms)].join(" or ");
  }
  if (Array.isArray(type)) {
    return type.map((each: unknown) => typeText({ ...schema, type: each })).join(" or ");
  }
  if (type === "array") return `list of ${isSchema(items) ? typeText(items) : "anything"}`;
  if (type === "object") return "mapping";
  if (type === "string") return schema["format"] === "date-time" ? "time" : "text";
  if (type === "integer") return "whole number";
  return typeof type === "string" ? type : "anything";
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
