// PHP for containers: php-fpm of this machine's `/usr`, set up as Debian sets it up, on a socket in `/run`. And an
// application of the shape of Tiny Tiny RSS, made to be looked through from outside: it says what it was told.

/** What a test that uses it needs. */
export const phpNeeds = ["php-fpm8.2"] as const;

/** Where it listens, usually. */
export const phpSocket = "/run/php/php-fpm.sock";

export const phpProgram =
  "/usr/sbin/php-fpm8.2 -F -y /etc/php-fpm.conf -c /etc/php/8.2/fpm/php.ini";

/** @param listen path of a socket, or address and port. @param more further lines of its pool */
export function phpSettings(listen: string, ...more: readonly string[]) {
  const lines = [
    "[global]",
    "error_log = /var/log/php-fpm.log",
    "[www]",
    ...["user = www-data", "group = www-data", `listen = ${listen}`],
    ...["listen.owner = www-data", "listen.group = www-data", "listen.mode = 0660"],
    ...["pm = static", "pm.max_children = 4"],
    "php_admin_value[upload_max_filesize] = 64M",
    "php_admin_value[post_max_size] = 64M",
    ...more,
    "",
  ];
  return { "/etc/php-fpm.conf": lines.join("\n") };
}

/** Before it starts: where it listens, and where it keeps sessions. */
export const phpPlaces = [
  "mkdir -p /run/php /var/lib/php/sessions",
  "chmod 1733 /var/lib/php/sessions",
];

/** Below `/ttrss` of its folder, as the package of Debian has it. */
export const feedReader: Readonly<Record<string, string>> = {
  "/var/www/ttrss/index.php": `<?php
session_name("ttrss_sid");
session_set_cookie_params(["path" => "/ttrss/", "httponly" => true]);
session_start();
$op = $_REQUEST["op"] ?? "";
if ($op === "login") {
  if (($_POST["password"] ?? "") !== "opensesame") { http_response_code(403); exit("no\n"); }
  $_SESSION["name"] = $_POST["login"];
  $base = (empty($_SERVER["HTTPS"]) ? "http://" : "https://") . $_SERVER["HTTP_HOST"];
  header("Location: $base/ttrss/index.php?op=feeds");
  exit;
}
if (!isset($_SESSION["name"])) { header("Location: login.php"); exit; }
if ($op === "upload") {
  $file = $_FILES["opml"] ?? null;
  if ($file === null || !is_uploaded_file($file["tmp_name"])) { http_response_code(400); exit("no file"); }
  header("Content-Type: application/json");
  exit(json_encode(["name" => $file["name"], "size" => $file["size"], "sha256" => hash_file("sha256", $file["tmp_name"])]));
}
echo "feeds of {$_SESSION["name"]}";
`,
  "/var/www/ttrss/login.php": "<?php echo 'please log in';",
  "/var/www/ttrss/told.php": `<?php
header("Content-Type: application/json");
echo json_encode(array_filter($_SERVER, "is_string"));
`,
  "/var/www/ttrss/api/index.php": `<?php
header("Content-Type: application/json");
echo json_encode(["info" => $_SERVER["PATH_INFO"] ?? "", "sent" => json_decode(file_get_contents("php://input"))]);
`,
  "/var/www/ttrss/loud.php": "<?php error_log('a feed could not be read'); echo 'loud';",
  "/var/www/ttrss/images/note.txt": "abcdefghij".repeat(10),
  "/var/www/ttrss/config.php": "<?php define('DB_PASS', 'the-password-of-ttrss');",
};
