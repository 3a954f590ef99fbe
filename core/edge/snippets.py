"""The cure, ready to paste: each framework's setting with the user's own ranges, as this year's documentation has it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable

from core.base.errors import WrongUse
from core.edge.addresses import Network, network

FALLBACK = ("10.0.0.0/8",)
_WIDTH = 54
"""Columns of a comment: as many as the page shows without scrolling, in a window of 1440 x 900."""

Ranges = tuple[str, ...]


def snippet(framework: str, ranges: Ranges) -> str:
    """The setting as text. Raises WrongUse for an unknown framework or a range that is none."""
    try:
        _, make = _MAKERS[framework.lower()]
    except KeyError:
        raise WrongUse(
            f"There is no snippet for {framework!r}", f"There are: {', '.join(_MAKERS)}", "Choose one of them"
        ) from None
    made = make(tuple(_written(network(text)) for text in ranges) or FALLBACK)
    return "".join(map(_wrapped, made.splitlines()))


def frameworks() -> tuple[str, ...]:
    return tuple(_MAKERS)


def titles() -> list[tuple[str, str]]:
    """(id, name) for a list to choose from."""
    return [(name, title) for name, (title, _) in _MAKERS.items()]


def _written(block: Network) -> str:
    """10.0.3.7/8 as 10.0.0.0/8, for gunicorn and .NET refuse bits below the mask; one address without a mask."""
    return str(block.network_address) if block.num_addresses == 1 else str(block)


def _wrapped(line: str) -> str:
    """A comment of any length in lines of ``_WIDTH``, each a comment of its own; other lines as they are."""
    found = re.match(r"(#|//) +", line)
    if found is None:
        return f"{line}\n"
    lines = textwrap.wrap(line, _WIDTH, subsequent_indent=found[0], break_long_words=False, break_on_hyphens=False)
    return "".join(f"{text}\n" for text in lines)


def _quoted(ranges: Ranges, mark: str = "'") -> str:
    return ", ".join(f"{mark}{text}{mark}" for text in ranges)


def _listed(ranges: Ranges) -> str:
    return ", ".join(ranges)


# -- PHP ------------------------------------------------------------------------
def _symfony(ranges: Ranges) -> str:
    return f"""# config/packages/framework.yaml (or the variables SYMFONY_TRUSTED_PROXIES and SYMFONY_TRUSTED_HEADERS)
framework:
    trusted_proxies: '{",".join(ranges)}'
    trusted_headers: ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-port']
# Not x-forwarded-host: no AWS balancer sends it, so whoever does is a client. Not REMOTE_ADDR: it trusts everybody.
"""


def _laravel(ranges: Ranges) -> str:
    return f"""// bootstrap/app.php, with: use Illuminate\\Http\\Request;
->withMiddleware(function (Middleware $middleware) {{
    $middleware->trustProxies(
        at: [{_quoted(ranges)}],   // not '*': it trusts everybody
        headers: Request::HEADER_X_FORWARDED_AWS_ELB,   // For, Proto and Port
    );
}})
"""


def _wordpress(ranges: Ranges) -> str:
    return f"""// wp-config.php, above "That's all, stop editing!"
// WordPress looks at no address: let only {_listed(ranges)} reach the server
if (($_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '') === 'https') {{
    $_SERVER['HTTPS'] = 'on';
    $_SERVER['SERVER_PORT'] = 443;
}}
define('FORCE_SSL_ADMIN', true);
// Settings > General: both addresses with https:// and without a port.
"""


# -- Python -----------------------------------------------------------------------
def _django(ranges: Ranges) -> str:
    return f"""# settings.py: Django looks at no address, so let only the proxy reach it ({_listed(ranges)} in the security group)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
USE_X_FORWARDED_PORT = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
# The proxy must drop or overwrite X-Forwarded-Proto of its clients, as AWS's balancers do. USE_X_FORWARDED_HOST stays False: \
they pass Host on. REMOTE_ADDR stays the balancer's; name your own host in ALLOWED_HOSTS.
"""


def _flask(ranges: Ranges) -> str:
    return f"""# ProxyFix counts proxies and looks at no address: let only {_listed(ranges)} reach it
from werkzeug.middleware.proxy_fix import ProxyFix

app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_port=1)
# One for each proxy that appends: CloudFront in front of the balancer makes x_for=2. x_host stays 0: no AWS balancer sends it.
"""


def _uvicorn(ranges: Ranges) -> str:
    return f"""uvicorn app:app --proxy-headers --forwarded-allow-ips='{",".join(ranges)}'
# Never '*': it believes the left-most, forgeable, X-Forwarded-For. X-Forwarded-Port and -Host are ignored.
# Ranges need uvicorn 0.31 or newer.
"""


def _fastapi(ranges: Ranges) -> str:
    return f"""fastapi run --forwarded-allow-ips='{",".join(ranges)}'
# It hands this to uvicorn (as FORWARDED_ALLOW_IPS does): never '*'. X-Forwarded-Port and -Host are ignored.
# TrustedHostMiddleware(allowed_hosts=[...]) keeps forged Host headers out of the links.
"""


def _gunicorn(ranges: Ranges) -> str:
    return f"""# gunicorn.conf.py; ranges need gunicorn 24.1 or newer (before, single addresses or '*' only)
forwarded_allow_ips = "{",".join(ranges)}"
secure_scheme_headers = {{"X-FORWARDED-PROTO": "https"}}
# This sets the scheme and nothing else: the client's address and the port are the framework's business (Django, ProxyFix).
# With uvicorn's workers the same value counts for X-Forwarded-For as well.
"""


# -- Ruby, Node -----------------------------------------------------------------------
def _rails(ranges: Ranges) -> str:
    listed = ", ".join(f'IPAddr.new("{text}")' for text in ranges)
    return f"""# config/environments/production.rb
config.action_dispatch.trusted_proxies = ActionDispatch::RemoteIp::TRUSTED_PROXIES + [{listed}]
config.assume_ssl = true   # Rails 7.1 and newer, where every request comes through a proxy that ends TLS
config.force_ssl = true
config.hosts = ["dev.app.com"]   # yours: Rails builds links from X-Forwarded-Host, whoever sends it
# trusted_proxies names what request.remote_ip passes over; that address, scheme and host are believed from anybody who \
can reach the server: let only the balancer.
"""


def _express(ranges: Ranges) -> str:
    return f"""app.set('trust proxy', [{_quoted(ranges)}]);   // not true: it trusts whoever connects
// Build links from req.protocol and req.hostname; req.get('host') (in Express 5 also req.host) may carry the inner port.
// X-Forwarded-Host of a trusted proxy wins over Host, and AWS's balancers pass on what a client sends there: compare \
req.hostname with your own names. X-Forwarded-Port is ignored.
"""


def _nextjs(ranges: Ranges) -> str:
    return f"""// next.config.js: Next.js looks at no address, so let only {_listed(ranges)} reach it
module.exports = {{
  experimental: {{
    serverActions: {{ allowedOrigins: ['dev.app.com'] }},   // your public host, where the proxy changes Host
  }},
}};
// Write absolute links and redirects from a base of your own (metadataBase, an environment variable), not from request.url: \
behind a proxy that is the inner address. Auth.js: AUTH_URL=https://dev.app.com.
"""


# -- Java, .NET, Go ---------------------------------------------------------------------
def _spring(ranges: Ranges) -> str:
    return f"""# application.yaml (Tomcat inside; the pattern stands for {_listed(ranges)})
server:
  forward-headers-strategy: native
  tomcat:
    remoteip:
      internal-proxies: '{_pattern(ranges)}'
{_left_out(ranges, "internal-proxies: {}", "# ")}# Without internal-proxies all private ranges are trusted. The strategy \
"framework" believes everybody, X-Forwarded-Host included: take it only where nothing but the proxy can reach the application.
"""


def _tomcat(ranges: Ranges) -> str:
    return f"""<!-- conf/server.xml, inside <Host>; the pattern stands for {_listed(ranges)} -->
<Valve className="org.apache.catalina.valves.RemoteIpValve"
       remoteIpHeader="X-Forwarded-For" protocolHeader="X-Forwarded-Proto" portHeader="X-Forwarded-Port"
       internalProxies="{_pattern(ranges)}"/>
{_left_out(ranges, 'internalProxies="{}"', "<!-- ", " -->")}<!-- Without internalProxies all private ranges are trusted. -->
"""


def _aspnet(ranges: Ranges) -> str:
    lines = "\n".join(
        f'    options.KnownIPNetworks.Add(System.Net.IPNetwork.Parse("{network(text)}"));' for text in ranges
    )
    return f"""// Program.cs (.NET 10; before: KnownNetworks.Add(new Microsoft.AspNetCore.HttpOverrides.IPNetwork(IPAddress.Parse(…), 8)))
builder.Services.Configure<ForwardedHeadersOptions>(options =>
{{
    options.ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto;
{lines}
}});
var app = builder.Build();
app.UseForwardedHeaders();   // before everything that redirects, signs in or writes links
// Not ASPNETCORE_FORWARDEDHEADERS_ENABLED=true: it believes everybody. X-Forwarded-Port is not read. ForwardLimit is 1: \
one more for each further proxy.
"""


def _gin(ranges: Ranges) -> str:
    return f"""// Gin trusts everybody until it is told; net/http and chi's RealIP know no trusted proxies at all
if err := router.SetTrustedProxies([]string{{{_quoted(ranges, '"')}}}); err != nil {{
    log.Fatal(err)
}}
// This decides c.ClientIP() alone. Neither Gin nor net/http reads X-Forwarded-Proto: write links from a base of your own.
"""


# -- servers ----------------------------------------------------------------------------
def _nginx(ranges: Ranges) -> str:
    by_balancer = "\n".join(f"    {text} 1;" for text in ranges)
    lines = "\n".join(f"set_real_ip_from {text};" for text in ranges)
    return f"""# http block: keep what the balancer said, and only what it said; this hop's own scheme for everybody else
geo $realip_remote_addr $by_balancer {{
    default 0;
{by_balancer}
}}
map $by_balancer$http_x_forwarded_proto $outer_proto {{ default $scheme; 1http http; 1https https; }}
map $by_balancer$http_x_forwarded_port $outer_port {{ default $server_port; ~^1(?<told>[0-9]+)$ $told; }}

# server block
{lines}
real_ip_header X-Forwarded-For;
real_ip_recursive on;
port_in_redirect off;
proxy_set_header Host $host;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Proto $outer_proto;
proxy_set_header X-Forwarded-Port $outer_port;
proxy_set_header X-Forwarded-Host "";
"""


def _apache(ranges: Ranges) -> str:
    lines = "\n".join(f"RemoteIPInternalProxy {text}" for text in ranges)
    peers = " || ".join(f"%{{CONN_REMOTE_ADDR}} -ipmatch '{text}'" for text in ranges)
    strangers = f'"expr=! ({peers})"'
    return f"""# mod_remoteip, mod_setenvif and mod_headers (Apache 2.4)
RemoteIPHeader X-Forwarded-For
{lines}
SetEnvIfExpr "%{{HTTP:X-Forwarded-Proto}} == 'https' && ({peers})" HTTPS=on
# What others say of it goes, before an application or the next server reads it (with ProxyPass: ProxyPreserveHost On)
RequestHeader unset X-Forwarded-Proto {strangers}
RequestHeader unset X-Forwarded-Port {strangers}
RequestHeader unset X-Forwarded-Host
# Redirects of Apache's own (a missing slash) are written with ServerName: ServerName https://dev.app.com
"""


def _haproxy(ranges: Ranges) -> str:
    return f"""# frontend: keep what the balancer said, and only what it said; this hop's own for everybody else
acl by_balancer src {" ".join(ranges)}
http-request del-header X-Forwarded-For unless by_balancer
http-request del-header X-Forwarded-Proto unless by_balancer {{ req.hdr(X-Forwarded-Proto) -m str http https }}
http-request del-header X-Forwarded-Port unless by_balancer
http-request del-header X-Forwarded-Host
acl has_proto req.hdr(X-Forwarded-Proto) -m found
http-request set-header X-Forwarded-Proto https if !has_proto {{ ssl_fc }}
http-request set-header X-Forwarded-Proto http if !has_proto !{{ ssl_fc }}
http-request set-header X-Forwarded-Port %[dst_port] unless {{ req.hdr(X-Forwarded-Port) -m found }}
option forwardfor
# Redirects of HAProxy's own (redirect scheme https) must look at the header, not at ssl_fc: behind the balancer that is never true, and they loop.
"""


def _caddy(ranges: Ranges) -> str:
    listed = " ".join(ranges)
    return f"""# Caddyfile. With http:// in the site's name: else Caddy sends to https by itself, which loops behind the balancer
http://dev.app.com {{
    @stranger not remote_ip {listed}
    request_header @stranger -X-Forwarded-Port
    reverse_proxy 127.0.0.1:8000 {{
        trusted_proxies {listed}
        header_up -X-Forwarded-Host
    }}
}}
# X-Forwarded-For and -Proto are kept from these ranges alone, and written anew for everybody else.
"""


def _traefik(ranges: Ranges) -> str:
    return f"""# traefik.yml: keep what the balancer said, and only what it said; this hop's own for everybody else
entryPoints:
  web:
    address: ':80'
    forwardedHeaders:
      trustedIPs: [{_quoted(ranges)}]
# Not insecure: true, which believes everybody. Not http.redirections: it sends all of this entry point to https, which loops \
behind the balancer; the middleware redirectScheme looks at X-Forwarded-Proto.

# the dynamic configuration; name it in each router: middlewares: [no-forwarded-host]
http:
  middlewares:
    no-forwarded-host:
      headers:
        customRequestHeaders:
          X-Forwarded-Host: ''   # no AWS balancer sends it, so whoever does is a client
"""


def _aws(ranges: Ranges) -> str:
    return f"""# What stands in front, and what it tells. Let the targets' security group admit it alone, here {_listed(ranges)}.
# ALB, Classic (HTTP): appends the client to X-Forwarded-For, overwrites X-Forwarded-Proto and -Port (of its listener).
#   Keep routing.http.xff_header_processing.mode=append: "preserve" hands on what the client wrote.
#   routing.http.preserve_host_header.enabled=true, where the listener's port is neither 80 nor 443.
#   routing.http.xff_client_port.enabled=true writes address:port, which not every framework reads.
# NLB, Classic (TCP): no header at all. Behind a TLS listener the application cannot know of https: set its scheme firmly.
#   The client's address comes as the peer (client IP preservation) or by the PROXY protocol v2.
# CloudFront: appends to X-Forwarded-For, removes X-Forwarded-Proto, sends its origin's name as Host.
#   Origin request policy AllViewer hands Host on; CloudFront-Forwarded-Proto comes only where a policy adds it.
#   Reach the origin by HTTPS only, then the ALB behind it says https too. Admit com.amazonaws.global.cloudfront.origin-facing.
#   Two proxies append then: count 2 (ProxyFix x_for=2), or trust CloudFront's ranges as well.
"""


def _pattern(ranges: Ranges) -> str:
    """A regular expression of Java for the IPv4 ranges; without backslashes, which .properties, YAML and XML treat each
    in its own way."""
    blocks = [network(text) for text in ranges]
    return "|".join(_of_octets(block) for block in blocks if block.version == 4) or "(?!)"


def _of_octets(block: Network) -> str:
    octets = [int(part) for part in str(block.network_address).split(".")]
    whole, bits = divmod(block.prefixlen, 8)
    made = [str(octet) for octet in octets[:whole]]
    if bits:
        made.append(f"({'|'.join(str(octets[whole] + more) for more in range(1 << (8 - bits)))})")
    made += ["[0-9]+"] * (4 - len(made))
    return "[.]".join(made)


def _left_out(ranges: Ranges, setting: str, begin: str, end: str = "") -> str:
    """What the pattern does not hold: an IPv6 address is compared as text, as Java writes it (0:0:0:0:0:0:0:1)."""
    wide = tuple(text for text in ranges if network(text).version == 6)
    blocks = setting.format(",".join(str(network(text)) for text in ranges))
    newer = "Newer Tomcats (11.0.24 does, 10.1.60 not) take blocks instead"
    return f"{begin}Not in it: {_listed(wide)}. {newer}: {blocks}{end}\n" if wide else ""


_MAKERS: dict[str, tuple[str, Callable[[Ranges], str]]] = {
    "symfony": ("Symfony", _symfony),
    "laravel": ("Laravel", _laravel),
    "wordpress": ("WordPress", _wordpress),
    "django": ("Django", _django),
    "flask": ("Flask (Werkzeug)", _flask),
    "fastapi": ("FastAPI", _fastapi),
    "uvicorn": ("uvicorn", _uvicorn),
    "gunicorn": ("gunicorn", _gunicorn),
    "rails": ("Rails", _rails),
    "express": ("Express", _express),
    "nextjs": ("Next.js", _nextjs),
    "spring": ("Spring Boot", _spring),
    "tomcat": ("Tomcat", _tomcat),
    "aspnet": ("ASP.NET Core", _aspnet),
    "gin": ("Go (Gin)", _gin),
    "nginx": ("nginx", _nginx),
    "apache": ("Apache", _apache),
    "haproxy": ("HAProxy", _haproxy),
    "caddy": ("Caddy", _caddy),
    "traefik": ("Traefik", _traefik),
    "aws": ("AWS: what each balancer sends", _aws),
}
