"""WordPress, and PHP without a framework: ``$_SERVER['HTTPS']`` decides, and no forwarding header is read by itself.

Where proxies are named it is modelled with the lines that the setting puts into wp-config.php; they look at no address.
"""

from __future__ import annotations

from core.edge.addresses import split_host
from core.edge.request import FORWARDED_PORT, FORWARDED_PROTO, Incoming, Resolution, Step, Trust, default_port


def resolve(request: Incoming, trust: Trust) -> Resolution:
    """Links and redirects as ``is_ssl`` and ``$_SERVER['HTTP_HOST']`` make them; the addresses under Settings > General
    keep their own host."""
    lines = bool(trust.proxies)
    steps = [
        Step("trust", "anybody", "the lines in wp-config.php look at no address: only the proxy may reach it")
        if lines
        else Step(
            "trust", "nobody", "as it is installed it reads no forwarding header; with proxies named: with the setting"
        )
    ]
    proto = request.header(FORWARDED_PROTO)
    if lines and proto == "https":
        scheme, because = "https", "X-Forwarded-Proto says https, and the setting writes that into $_SERVER['HTTPS']"
    elif request.scheme == "http" and request.port == 443:
        scheme, because = "https", "port 443: is_ssl() takes that for https"
    else:
        unread = f"; X-Forwarded-Proto ({proto}) is not read" if proto and not lines else ""
        scheme, because = request.scheme, f"$_SERVER['HTTPS'], the connection itself{unread}"
    steps.append(Step("scheme", scheme, because))
    host, port_text = split_host(request.header("host") or "")
    steps.append(Step("host", host, "$_SERVER['HTTP_HOST'], the Host header as it stands"))
    because = "from the host, a default port too" if port_text else f"the default of {scheme}"
    if told := request.header(FORWARDED_PORT):
        because += f"; X-Forwarded-Port ({told}) is not read for links"
    steps.append(Step("port", port_text or str(default_port(scheme)), because))
    steps.append(Step("client", request.peer, "$_SERVER['REMOTE_ADDR']; X-Forwarded-For is not read"))
    return Resolution(scheme, host, int(port_text) if port_text.isdecimal() else None, request.peer, tuple(steps))
