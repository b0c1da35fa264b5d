// Directives of nginx that change something and are not carried over, each said in a word. Those that say what is so here
// anyway, or that are read elsewhere, are passed over in silence.

import type { Outline } from "../outline.ts";
import type { Directive } from "./tree.ts";

const read = new Set([
  ...["server", "location", "upstream", "listen", "server_name", "proxy_pass", "proxy_set_header"],
  ...["proxy_read_timeout", "proxy_connect_timeout", "proxy_send_timeout", "client_max_body_size"],
  ...["return", "rewrite", "if", "set", "root", "alias", "index", "try_files", "fastcgi_pass"],
  ...["fastcgi_param", "fastcgi_index", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass"],
  ...["http2", "grpc_set_header", "grpc_hide_header", "grpc_read_timeout", "grpc_send_timeout"],
  ...["grpc_connect_timeout", "grpc_ssl_verify", "grpc_ssl_name", "grpc_ssl_protocols"],
  ...["grpc_ssl_trusted_certificate", "grpc_ssl_certificate", "grpc_ssl_certificate_key"],
  ...["uwsgi_param", "scgi_param", "fastcgi_split_path_info", "fastcgi_keep_conn", "autoindex"],
  ...["charset", "gzip_static", "brotli_static", "zstd_static", "proxy_redirect"],
  ...["proxy_cookie_path", "proxy_cookie_domain", "error_log"],
  ...["fastcgi", "uwsgi", "scgi"].flatMap((each) =>
    ["read", "connect", "send"].map((what) => `${each}_${what}_timeout`),
  ),
  ...["allow", "deny", "auth_basic", "auth_request", "auth_jwt", "ssl_verify_client"],
  ...["secure_link", "secure_link_md5", "valid_referers", "internal", "proxy_ssl_verify"],
  ...[
    "auth_pam",
    "auth_ldap",
    "limit_except",
    "access_by_lua_block",
    "access_by_lua",
    "access_by_lua_file",
  ],
  ...["proxy_ssl_name", "js_access", "user", "worker_processes", "http", "stream", "types"],
  ...["proxy_ssl_trusted_certificate", "proxy_ssl_certificate", "proxy_ssl_certificate_key"],
  ...["proxy_ssl_protocols", "ssl", "ssl_certificate", "ssl_certificate_key", "ssl_protocols"],
  ...["ssl_client_certificate", "ssl_crl", "ssl_reject_handshake", "ssl_trusted_certificate"],
  ...["ssl_ocsp", "ssl_ocsp_responder", "ssl_ocsp_cache"],
  ...[
    "limit_req",
    "limit_req_zone",
    "limit_req_status",
    "limit_req_dry_run",
    "limit_req_log_level",
  ],
  ...["limit_conn", "limit_conn_zone", "limit_conn_status", "limit_conn_dry_run"],
  ...["limit_conn_log_level", "limit_rate", "limit_rate_after", "add_header", "more_set_headers"],
  ...["more_clear_headers", "proxy_hide_header", "fastcgi_hide_header", "scgi_hide_header"],
  ...["uwsgi_hide_header", "gzip", "brotli", "zstd"],
  ...["gzip", "brotli", "zstd"].flatMap((each) =>
    ["types", "comp_level", "min_length", "buffers", "window"].map((what) => `${each}_${what}`),
  ),
  ...["proxy", "fastcgi", "scgi", "uwsgi"].flatMap((each) =>
    ["", "_valid", "_path", "_lock", "_lock_age", "_lock_timeout", "_revalidate"].map(
      (what) => `${each}_cache${what}`,
    ),
  ),
]);

/** What is so here anyway, or is about nginx alone. */
const silent = new Set([
  ...["proxy_http_version", "proxy_buffering", "proxy_request_buffering", "proxy_buffers"],
  ...[
    "grpc_buffer_size",
    "grpc_socket_keepalive",
    "grpc_ssl_server_name",
    "http2_body_preread_size",
  ],
  ...["grpc_ssl_session_reuse", "http2_chunk_size", "http2_recv_buffer_size"],
  ...["proxy_buffer_size", "proxy_busy_buffers_size", "proxy_max_temp_file_size"],
  ...["proxy_temp_file_write_size", "proxy_ssl_server_name", "proxy_ssl_session_reuse"],
  ...["sendfile", "tcp_nopush", "tcp_nodelay", "server_tokens", "default_type"],
  ...["types_hash_max_size", "types_hash_bucket_size", "server_names_hash_bucket_size"],
  ...["server_names_hash_max_size", "variables_hash_max_size", "map_hash_bucket_size"],
  ...["pid", "events", "daemon", "master_process", "worker_rlimit_nofile", "pcre_jit"],
  ...["worker_cpu_affinity", "worker_priority", "load_module", "log_format"],
  ...["log_not_found", "log_subrequest", "rewrite_log", "client_body_buffer_size", "aio"],
  ...["client_header_buffer_size", "large_client_header_buffers", "output_buffers", "directio"],
  ...[
    "client_body_temp_path",
    "fastcgi_temp_path",
    "uwsgi_temp_path",
    "scgi_temp_path",
    "client_body_in_file_only",
    "reset_timedout_connection",
  ],
  ...[
    "keepalive_requests",
    "keepalive_disable",
    "keepalive_timeout",
    "fastcgi_buffers",
    "fastcgi_buffer_size",
  ],
  ...["fastcgi_busy_buffers_size", "fastcgi_buffering", "fastcgi_request_buffering"],
  ...["uwsgi_buffering", "uwsgi_request_buffering", "uwsgi_buffers", "uwsgi_buffer_size"],
  ...["fastcgi_max_temp_file_size", "scgi_buffering"],
  ...["auth_basic_user_file", "satisfy", "ignore_invalid_headers", "merge_slashes", "break"],
  ...["open_file_cache", "open_file_cache_valid", "open_file_cache_min_uses", "postpone_output"],
  ...["open_file_cache_errors", "port_in_redirect", "server_name_in_redirect", "absolute_redirect"],
  ...[
    "auth_request_set",
    "proxy_socket_keepalive",
    "uninitialized_variable_warn",
    "lingering_close",
  ],
  ...["map", "geo", "split_clients", "include", "proxy_headers_hash_max_size", "msie_padding"],
  ...["proxy_headers_hash_bucket_size", "gzip_disable", "gzip_vary", "gzip_proxied"],
  ...["gzip_http_version", "proxy_temp_path"],
]);

const said: readonly (readonly [RegExp, string])[] = [
  [/^ssl_(ciphers|prefer_server_ciphers|ecdh_curve|conf_command)$/, "see tls.profile"],
  [/^ssl_session_/, "sessions are resumed by themselves, with any worker"],
  [/^ssl_dhparam$/, "keys are agreed on with elliptic curves, which need no parameters"],
  [/^ssl_stapling/, "answers of authorities are stapled by themselves"],
  [/^ssl_password_file$/, "keys with a password cannot be used: openssl pkey -in KEY -out NEW"],
  [/^ssl_verify_depth$/, "chains of any length are taken, below the authorities that are named"],
  [/^ssl_early_data$/, "early data is not taken: clients send it again"],
  [/^ssl_/, "is not known here; see tls"],
  [/^proxy_ssl_crl$/, "which backends were revoked is not looked at; see pins in tls of a service"],
  [/^proxy_ssl_/, "see tls of a service"],
  [/^http2_/, "HTTP/2 has limits of its own; see limits"],
  [/^http3(_|$)/, "clients are spoken to in HTTP/2 and HTTP/1.1; HTTP/3 is not there"],
  [/^grpc_ssl_/, "see tls of a service"],
  [/^grpc_next_upstream/, "who is asked next is said by retry, of a service"],
  [/^gunzip/, "answers are not unpacked; see the middleware decompress"],
  [/^(gzip|brotli|zstd)_/, "is not carried over; see the middleware compress"],
  [
    /^(more_(set|clear)_.*|add_trailer)$/,
    "fields of answers stay as they are; see the middleware headers",
  ],
  [
    /^\w+_pass_header|^\w+_pass_request_/,
    "header fields stay as they are; see the middleware headers",
  ],
  [
    /^(proxy|fastcgi|uwsgi|scgi)_(cache|no_cache|store)/,
    "is not carried over; see the middleware cache",
  ],
  [/^proxy_cookie_/, "flags of cookies are not changed yet; see restoreUrls"],
  [/^expires$/, "header fields of backends are not changed yet; of files see cacheControl"],
  [/^disable_symlinks$/, "links are followed; say container where others write the files"],
  [/^(fastcgi|uwsgi|scgi)_next_upstream/, "who is asked next is said by retry, of a service"],
  [/^(sub_filter|addition_|add_before|add_after|ssi|xslt)/, "what is in answers is not changed"],
  [
    /^(error_page|(proxy|fastcgi|uwsgi|scgi|grpc)_intercept_errors)$/,
    "error pages are files of a folder; see errorPages, and the middleware errors",
  ],
  [/^access_log$/, "every request is logged to stdout; see accessLog"],
  [/^(set_real_ip_from|real_ip_)/, "see trustedProxies"],
  [/^proxy_next_upstream/, "who is asked next is said by retry, of a service"],
  [/^resolver/, "names are looked up as the system does"],
  [/^proxy_bind$/, "from which address we connect cannot be said"],
  [/^mirror/, "see mirror, of a service"],
  [/^client_(header|body)_timeout$|^send_timeout$/, "see timeouts"],
  [/^stub_status$/, "see tidegate status"],
];

/** @param isSite a server or a location: their logs are those of their routes */
export function tellStrangers(block: readonly Directive[], outline: Outline, isSite = false): void {
  const isOfBackends = block.some(({ name }) => name.endsWith("_pass"));
  for (const directive of block) {
    const { name, args } = directive;
    if (read.has(name) || silent.has(name)) continue;
    if (name === "access_log" && (isSite || args[0] === "off")) continue;
    if (isSite && !isOfBackends && isOfFiles(directive)) continue;
    const text = said.find(([pattern]) => pattern.test(name))?.[1];
    outline.note(`${name}: ${text ?? "is not known here"}`, directive);
  }
}

/** It is part of what files say. */
function isOfFiles({ name }: Directive): boolean {
  return name === "expires";
}
