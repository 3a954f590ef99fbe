"""The cure, ready to paste: each framework's setting with the user's own ranges."""

from __future__ import annotations

from core.base.errors import WrongUse
from core.edge.addresses import network

FALLBACK = ("10.0.0.0/8",)


def snippet(framework: str, ranges: tuple[str, ...]) -> str:
    """The setting as text. Raises WrongUse for an unknown framework or a range that is none."""
    for text in ranges:
        network(text)
    try:
        make = _MAKERS[framework.lower()]
    except KeyError:
        raise WrongUse(
            f"There is no snippet for {framework!r}", f"There are: {', '.join(_MAKERS)}", "Choose one of them"
        ) from None
    return make(ranges or FALLBACK)


def frameworks() -> tuple[str, ...]:
    return tuple(_MAKERS)


def _quoted(ranges: tuple[str, ...], mark: str = "'") -> str:
    return ", ".join(f"{mark}{text}{mark}" for text in ranges)


def _symfony(ranges: tuple[str, ...]) -> str:
    return f"""# config/packages/framework.yaml
framework:
    trusted_proxies: '{",".join(ranges)}'
    trusted_headers: ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-port']
"""


def _laravel(ranges: tuple[str, ...]) -> str:
    return f"""// bootstrap/app.php
->withMiddleware(function (Middleware $middleware) {{
    $middleware->trustProxies(
        at: [{_quoted(ranges)}],
        headers: Request::HEADER_X_FORWARDED_AWS_ELB,
    );
}})
"""


def _django(ranges: tuple[str, ...]) -> str:
    return f"""# settings.py: Django looks at no address, so let only the proxy reach it ({", ".join(ranges)} in the security group)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
USE_X_FORWARDED_PORT = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
"""


def _flask(ranges: tuple[str, ...]) -> str:
    return f"""# ProxyFix counts proxies and looks at no address: let only {", ".join(ranges)} reach it
from werkzeug.middleware.proxy_fix import ProxyFix

app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_port=1)
"""


def _rails(ranges: tuple[str, ...]) -> str:
    listed = ", ".join(f'IPAddr.new("{text}")' for text in ranges)
    return f"""# config/environments/production.rb
config.action_dispatch.trusted_proxies = ActionDispatch::RemoteIp::TRUSTED_PROXIES + [{listed}]
config.assume_ssl = true   # Rails 7.1 and newer, behind a proxy that ends TLS
config.force_ssl = true
"""


def _express(ranges: tuple[str, ...]) -> str:
    return f"""app.set('trust proxy', [{_quoted(ranges)}]);
// Build links from req.protocol and req.hostname; req.get('host') may carry the inner port.
"""


def _uvicorn(ranges: tuple[str, ...]) -> str:
    return f"""uvicorn app:app --proxy-headers --forwarded-allow-ips='{",".join(ranges)}'
# Never '*': it believes the left-most, forgeable, X-Forwarded-For. X-Forwarded-Port and -Host are ignored.
"""


def _nginx(ranges: tuple[str, ...]) -> str:
    lines = "\n".join(f"set_real_ip_from {text};" for text in ranges)
    return f"""# http block: keep what the balancer said instead of overwriting it with this hop's own scheme
map $http_x_forwarded_proto $outer_proto {{ default $http_x_forwarded_proto; '' $scheme; }}
map $http_x_forwarded_port $outer_port {{ default $http_x_forwarded_port; '' $server_port; }}

# server block
{lines}
real_ip_header X-Forwarded-For;
real_ip_recursive on;
port_in_redirect off;
proxy_set_header Host $host;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Proto $outer_proto;
proxy_set_header X-Forwarded-Port $outer_port;
"""


def _apache(ranges: tuple[str, ...]) -> str:
    lines = "\n".join(f"RemoteIPInternalProxy {text}" for text in ranges)
    return f"""RemoteIPHeader X-Forwarded-For
{lines}
SetEnvIf X-Forwarded-Proto "^https$" HTTPS=on
"""


_MAKERS = {
    "symfony": _symfony,
    "laravel": _laravel,
    "django": _django,
    "flask": _flask,
    "rails": _rails,
    "express": _express,
    "uvicorn": _uvicorn,
    "nginx": _nginx,
    "apache": _apache,
}
