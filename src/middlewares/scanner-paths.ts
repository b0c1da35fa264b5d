// What scanners look for on every address of the internet, in the hope that somebody left it lying there. Paths that
// some real sites have (`/wp-login.php`) are let through by `except`.

/** Files and folders that begin with a dot and are nobody's page; `.well-known` is not among them. */
const hidden =
  /\/\.(?:env|git|svn|hg|bzr|aws|ssh|docker|kube|vscode|idea|htpasswd|htaccess|ds_store|npmrc|netrc|bash_history|pgpass|config\/gcloud|terraform|circleci)(?:[./_~-]|$)/;

/** Beginnings, up to a border of a name. */
const beginnings = [
  "/wp-login.php",
  "/wp-admin",
  "/wp-includes",
  "/wp-content/plugins",
  "/wp-config.php",
  "/wordpress/wp-login.php",
  "/xmlrpc.php",
  "/phpmyadmin",
  "/pma",
  "/myadmin",
  "/adminer.php",
  "/phpinfo.php",
  "/info.php",
  "/vendor/phpunit",
  "/cgi-bin",
  "/boaform",
  "/hnap1",
  "/gponform",
  "/goform",
  "/solr/admin",
  "/manager/html",
  "/jenkins/script",
  "/actuator/env",
  "/actuator/heapdump",
  "/actuator/gateway",
  "/_ignition/execute-solution",
  "/server-status",
  "/telescope/requests",
  "/debug/default/view",
  "/owa/auth",
  "/autodiscover/autodiscover.xml",
  "/ecp/current",
  "/remote/fgt_lang",
  "/remote/login",
  "/dana-na",
  "/struts2-showcase",
  "/console/css",
  "/.well-known/security.php",
];

/** Copies that somebody made before changing something. */
const copies =
  /\/(?:backup|dump|database|db|www|site|web|htdocs)\.(?:sql|zip|tar|tgz|tar\.gz|rar|7z|bak)$|\/wp-config\.[\w.~-]+$/;

/** @param path normalised, in lower case */
export function isScan(path: string): boolean {
  return (
    hidden.test(path) ||
    copies.test(path) ||
    beginnings.some((each) => path.startsWith(each) && /^$|^\//.test(path.slice(each.length)))
  );
}
