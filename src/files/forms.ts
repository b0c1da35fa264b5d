// A file in the forms in which it can be sent: as it is, and compressed ones that stand beside it. With the field lines of each, made
// once for all who get it. Small ones are held in memory.

import { fileCache } from "../config/files-limits.ts";
import type { Precompressed } from "../config/files.ts";
import type { NotFound, OpenFile } from "../guest/finding.ts";
import { acceptedOf } from "../http/accept-encoding.ts";
import { endingOf } from "./encodings.ts";
import { entityTag } from "./entity-tag.ts";
import { mayRead, type Outcome, type Place } from "./lookup.ts";
import { mediaType } from "../lib/media-types.ts";
import { type Reads, readWhole } from "./reading.ts";

export interface Form {
  /** "" = as it is. */
  readonly encoding: "" | Precompressed;
  readonly size: number;
  /** As the file system says, ms since 1970. */
  readonly modifiedAt: number;
  readonly changedAt: number;
  /** As clients are told: never later than now; undefined = nothing that could be said. */
  readonly lastModified: number | undefined;
  readonly device: bigint;
  readonly inode: bigint;
  readonly tag: string;
  readonly type: string;
  /** Field lines about the body: its type and encoding. */
  readonly typeLines: string;
  /** Field lines that caches are told, also with 304. */
  readonly cacheLines: string;
  /** All lines of an answer with all of it. */
  readonly lines: string;
  /** All of it, when it is held in memory. */
  readonly bytes: Buffer | undefined;
  /** The same as latin1 text, when it is short: what is written in one piece with its head. */
  readonly text: string | undefined;
  /** Open, when it is not in memory; closed by whoever sends it or not. */
  readonly file: OpenFile | undefined;
}

/** The plain one first. */
export type Forms = readonly [Form, ...Form[]];

export interface FoundForms {
  readonly kind: "forms";
  readonly forms: Forms;
  /** The same for whoever asks for this path, and all of it is in memory. */
  readonly isLasting: boolean;
}

type FileOutcome = Extract<Outcome, { kind: "file" }>;

/** Up to here a text that is joined to the head costs less than a write of its own. */
const maxTextBytes = 16 * 1024;

/** What is made of a file, whoever asks for it. */
export interface FormMaker {
  readonly place: Place;
  readonly reads: Reads;
  /** What was in memory before; forms that did not change stay there. */
  readonly before: Forms | undefined;
}

/** Never rejects. */
export async function formsOf(
  maker: FormMaker,
  { path, file, isLasting }: FileOutcome,
): Promise<FoundForms | NotFound> {
  const { settings } = maker.place;
  const lines = linesFor(maker.place, path);
  const plain = await formOf(maker, lines, "", file);
  if ("kind" in plain) return plain;
  const forms: [Form, ...Form[]] = [plain];
  for (const encoding of settings.precompressed) {
    const other = await besideOf(maker, path, encoding);
    // One that is older was forgotten when the plain file was changed. Their times may have lost their fractions.
    if (other === undefined) continue;
    if (Math.floor(other.modifiedAt / 1000) < Math.floor(file.modifiedAt / 1000)) {
      other.close();
      continue;
    }
    const form = await formOf(maker, lines, encoding, other);
    if (!("kind" in form)) forms.push(form);
  }
  return {
    kind: "forms",
    forms,
    isLasting: isLasting && forms.every(({ bytes }) => bytes !== undefined),
  };
}

/** The compressed file, if there is one that may be read. */
async function besideOf(
  { place }: FormMaker,
  path: string,
  encoding: Precompressed,
): Promise<OpenFile | undefined> {
  const { premises, settings } = place;
  const full = (settings.root === "/" ? "" : settings.root) + path + endingOf[encoding];
  const found = await premises.find(full);
  if (found.kind !== "file") return undefined;
  const { file } = found;
  const { realPath } = file;
  // A link may lead to anything; a compressed form is one where its name says.
  if (realPath.endsWith(endingOf[encoding]) && (await mayRead(place, realPath))) return file;
  file.close();
  return undefined;
}

interface Lines {
  readonly type: string;
  readonly cache: string;
}

function linesFor({ settings, names }: Place, path: string): Lines {
  const value = names.cacheControl(path);
  const cache = value === "" ? "" : `Cache-Control: ${value}\r\n`;
  const vary = settings.precompressed.length === 0 ? "" : "Vary: Accept-Encoding\r\n";
  return { type: mediaType(path, settings.types, settings.charset), cache: cache + vary };
}

async function formOf(
  { reads, before }: FormMaker,
  lines: Lines,
  encoding: Form["encoding"],
  file: OpenFile,
): Promise<Form | NotFound> {
  const old = before?.find((each) => each.encoding === encoding);
  if (file.size > fileCache.fileBytes) return described(lines, encoding, file, { file });
  if (old?.bytes !== undefined && isSame(old, file)) {
    file.close();
    return described(lines, encoding, file, old);
  }
  const bytes = await readWhole(reads, file);
  if (bytes === "late") return { kind: "late" };
  if (bytes === "failed") {
    return { kind: "failed", why: "a file could not be read, or became shorter meanwhile" };
  }
  const text = bytes.length <= maxTextBytes ? bytes.latin1Slice() : undefined;
  return described(lines, encoding, file, { bytes, text });
}

/** Not of one that was read while it was young: it may have changed since without its time showing it. */
function isSame(form: Form, file: OpenFile): boolean {
  const { device, inode, size, modifiedAt, changedAt } = file;
  return (
    !form.tag.startsWith("W/") &&
    form.inode === inode &&
    form.device === device &&
    form.size === size &&
    form.modifiedAt === modifiedAt &&
    form.changedAt === changedAt
  );
}

type Content = Partial<Pick<Form, "bytes" | "text" | "file">>;

function described(
  { type, cache }: Lines,
  encoding: Form["encoding"],
  { size, modifiedAt, changedAt, device, inode }: OpenFile,
  { bytes, text, file }: Content,
): Form {
  const now = Date.now();
  const suffix = encoding === "" ? "" : `-${encoding}`;
  const tag = entityTag({ size, modifiedAt, changedAt, inode }, now, suffix);
  const lastModified = lastModifiedOf(modifiedAt, now);
  const typeLines = `Content-Type: ${type}\r\n${encoding === "" ? "" : `Content-Encoding: ${encoding}\r\n`}`;
  const cacheLines = validatorLines(lastModified, tag) + cache;
  const lines = `${typeLines}${cacheLines}Accept-Ranges: bytes\r\nContent-Length: ${size}\r\n`;
  const facts = { size, modifiedAt, changedAt, device, inode };
  const said = { ...facts, encoding, lastModified, tag, type };
  return { ...said, typeLines, cacheLines, lines, bytes, text, file };
}

function validatorLines(lastModified: number | undefined, tag: string): string {
  const date = lastModified === undefined ? "" : new Date(lastModified).toUTCString();
  return `${date === "" ? "" : `Last-Modified: ${date}\r\n`}ETag: ${tag}\r\n`;
}

/** RFC 9110 section 8.8.2.1: not later than now. A file can have any date; before 1970 it says nothing. */
function lastModifiedOf(modifiedAt: number, now: number): number | undefined {
  return Number.isFinite(modifiedAt) && modifiedAt >= 0 ? Math.min(modifiedAt, now) : undefined;
}

/** One form of a file that somebody else chose. @param type "" = what its name says */
export function formOfFile(file: OpenFile, type: string): Form {
  const said = type === "" ? mediaType(file.realPath, {}, "utf-8") : type;
  return described({ type: said, cache: "" }, "", file, { file });
}

/** The one that this client gets. @param accepted its Accept-Encoding */
export function formFor(forms: Forms, accepted: string | undefined): Form {
  if (forms.length === 1) return forms[0];
  const offered = forms.map(({ encoding }) => encoding).filter((each) => each !== "");
  const [best] = acceptedOf(accepted, offered);
  return forms.find(({ encoding }) => encoding === best) ?? forms[0];
}

export function closeForms(forms: Forms, except?: Form): void {
  for (const each of forms) if (each !== except) each.file?.close();
}
