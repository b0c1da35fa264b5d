// Media types by the ending of a name. What is common on the web and in downloads; more are said in the configuration.

const table: readonly (readonly [type: string, endings: string])[] = [
  ["text/html", "html htm shtml"],
  ["text/css", "css"],
  // RFC 9239: the one type of scripts, modules among them.
  ["text/javascript", "js mjs cjs"],
  ["text/plain", "txt text log conf ini asc"],
  ["text/csv", "csv"],
  ["text/tab-separated-values", "tsv"],
  ["text/markdown", "md markdown"],
  ["text/calendar", "ics"],
  ["text/vcard", "vcf"],
  ["text/vtt", "vtt"],
  ["text/x-component", "htc"],
  ["text/yaml", "yaml yml"],
  ["application/json", "json map"],
  ["application/ld+json", "jsonld"],
  ["application/geo+json", "geojson"],
  ["application/manifest+json", "webmanifest"],
  ["application/jsonl", "jsonl ndjson"],
  ["application/xml", "xml xsl xsd"],
  ["application/xslt+xml", "xslt"],
  ["application/xhtml+xml", "xhtml"],
  ["application/atom+xml", "atom"],
  ["application/rss+xml", "rss"],
  ["application/wasm", "wasm"],
  ["application/pdf", "pdf"],
  ["application/postscript", "ps eps ai"],
  ["application/rtf", "rtf"],
  ["application/epub+zip", "epub"],
  ["application/msword", "doc"],
  ["application/vnd.ms-excel", "xls"],
  ["application/vnd.ms-powerpoint", "ppt"],
  ["application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"],
  ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"],
  ["application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"],
  ["application/vnd.oasis.opendocument.text", "odt"],
  ["application/vnd.oasis.opendocument.spreadsheet", "ods"],
  ["application/vnd.oasis.opendocument.presentation", "odp"],
  ["application/vnd.oasis.opendocument.graphics", "odg"],
  ["application/zip", "zip"],
  ["application/gzip", "gz tgz"],
  ["application/zstd", "zst"],
  ["application/x-brotli", "br"],
  ["application/x-bzip2", "bz2"],
  ["application/x-xz", "xz"],
  ["application/x-tar", "tar"],
  ["application/x-7z-compressed", "7z"],
  ["application/vnd.rar", "rar"],
  ["application/java-archive", "jar war"],
  ["application/vnd.android.package-archive", "apk"],
  ["application/vnd.debian.binary-package", "deb"],
  ["application/x-rpm", "rpm"],
  ["application/x-iso9660-image", "iso"],
  ["application/x-apple-diskimage", "dmg"],
  ["application/x-bittorrent", "torrent"],
  ["application/x-sh", "sh"],
  ["application/pgp-signature", "sig"],
  ["application/x-x509-ca-cert", "der pem crt"],
  ["application/vnd.apple.mpegurl", "m3u8"],
  ["application/dash+xml", "mpd"],
  ["application/ogg", "ogx"],
  ["image/png", "png"],
  ["image/apng", "apng"],
  ["image/jpeg", "jpg jpeg jpe jfif"],
  ["image/gif", "gif"],
  ["image/webp", "webp"],
  ["image/avif", "avif"],
  ["image/heic", "heic"],
  ["image/jxl", "jxl"],
  ["image/svg+xml", "svg"],
  ["image/x-icon", "ico cur"],
  ["image/bmp", "bmp"],
  ["image/tiff", "tif tiff"],
  ["font/woff2", "woff2"],
  ["font/woff", "woff"],
  ["font/ttf", "ttf"],
  ["font/otf", "otf"],
  ["font/collection", "ttc"],
  ["application/vnd.ms-fontobject", "eot"],
  ["audio/mpeg", "mp3"],
  ["audio/mp4", "m4a"],
  ["audio/aac", "aac"],
  ["audio/ogg", "ogg oga opus"],
  ["audio/flac", "flac"],
  ["audio/wav", "wav"],
  ["audio/webm", "weba"],
  ["audio/midi", "mid midi"],
  ["video/mp4", "mp4 m4v"],
  ["video/webm", "webm"],
  ["video/ogg", "ogv"],
  ["video/mpeg", "mpg mpeg"],
  ["video/mp2t", "ts m2ts"],
  ["video/quicktime", "mov"],
  ["video/x-msvideo", "avi"],
  ["video/x-matroska", "mkv"],
  ["video/3gpp", "3gp"],
  ["model/gltf+json", "gltf"],
  ["model/gltf-binary", "glb"],
];

const byEnding: ReadonlyMap<string, string> = new Map(
  table.flatMap(([type, endings]) => endings.split(" ").map((each) => [each, type] as const)),
);

/** Of what nobody knows: browsers save it, and run nothing. */
const unknown = "application/octet-stream";

/**
 * Value of Content-Type for a name.
 * @param own further types by ending, lower-case; they come first
 * @param charset of texts that say none; "" = nothing is said
 */
export function mediaType(
  name: string,
  own: Readonly<Record<string, string>>,
  charset: string,
): string {
  const type = knownType(name, own) ?? unknown;
  // XML says itself what it is in, and JSON is in UTF-8 (RFC 8259).
  const isText = type.startsWith("text/") && charset !== "" && !/charset\s*=/i.test(type);
  return isText ? `${type}; charset=${charset}` : type;
}

/** The type alone; undefined = nobody knows. */
export function knownType(name: string, own: Readonly<Record<string, string>>): string | undefined {
  const dot = name.lastIndexOf(".");
  const ending = dot < 0 ? "" : name.slice(dot + 1).toLowerCase();
  return Object.hasOwn(own, ending) ? own[ending] : byEnding.get(ending);
}
