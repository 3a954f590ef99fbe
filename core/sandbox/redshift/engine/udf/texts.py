"""String functions with Redshift's exact results: hashes, soundex, number bases, byte limits."""

from __future__ import annotations

import hashlib
import re


def _castagnoli(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_TABLE = tuple(_castagnoli(byte) for byte in range(256))


def crc32(text: str) -> str:
    """CRC-32C (Castagnoli), as the developer guide says; not zlib's polynomial."""
    value = 0xFFFFFFFF
    for byte in text.encode():
        value = _TABLE[(value ^ byte) & 0xFF] ^ value >> 8
    return f"{value ^ 0xFFFFFFFF:08x}"


def initcap(text: str) -> str:
    """Every letter after something that is no letter or digit is capital, the others small."""
    out: list[str] = []
    inside = False
    for char in text:
        out.append(char.lower() if inside else char.upper())
        inside = char.isalnum()
    return "".join(out)


_CODES = {
    char: code
    for code, chars in {"1": "BFPV", "2": "CGJKQSXZ", "3": "DT", "4": "L", "5": "MN", "6": "R"}.items()
    for char in chars
}


def soundex(text: str) -> str:
    """American Soundex: the first letter and three digits; empty for a text without letters."""
    letters = [char for char in text.upper() if "A" <= char <= "Z"]
    if not letters:
        return ""
    code, last = letters[0], _CODES.get(letters[0], "")
    for char in letters[1:]:
        digit = _CODES.get(char, "")
        if digit and digit != last:
            code += digit
        if char not in "HW":
            last = digit
    return (code + "000")[:4]


def difference(left: str, right: str) -> int:
    return sum(one == two for one, two in zip(soundex(left), soundex(right), strict=False))


def strtol(text: str, base: int) -> int:
    """The number a text spells in a base of 2 to 36. Raises ValueError."""
    if not 2 <= base <= 36:
        raise ValueError(f"The base {base} is not between 2 and 36")
    try:
        value = int(text.strip(), base)
    except ValueError:
        raise ValueError(f"The input {text} is not valid to be converted to base {base}") from None
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"The value {text} is out of range of bigint")
    return value


def fnv(data: bytes, seed: int | None) -> int:
    """The 64-bit FNV-1a hash, signed."""
    value = 0xCBF29CE484222325 if seed is None else seed & 0xFFFFFFFFFFFFFFFF
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value - 2**64 if value >= 2**63 else value


def murmur3(data: bytes, seed: int) -> int:
    """The 32-bit Murmur3 hash (x86 variant), signed."""
    mask = 0xFFFFFFFF

    def mixed(block: int) -> int:
        block = block * 0xCC9E2D51 & mask
        return ((block << 15 | block >> 17) & mask) * 0x1B873593 & mask

    value, whole = seed & mask, len(data) // 4 * 4
    for at in range(0, whole, 4):
        value ^= mixed(int.from_bytes(data[at : at + 4], "little"))
        value = ((value << 13 | value >> 19) & mask) * 5 + 0xE6546B64 & mask
    if len(data) > whole:
        value ^= mixed(int.from_bytes(data[whole:], "little"))
    value ^= len(data)
    value = (value ^ value >> 16) * 0x85EBCA6B & mask
    value = (value ^ value >> 13) * 0xC2B2AE35 & mask
    value ^= value >> 16
    return value - 2**32 if value >= 2**31 else value


def sha2(text: str, bits: int) -> str | None:
    names = {0: "sha256", 224: "sha224", 256: "sha256", 384: "sha384", 512: "sha512"}
    return hashlib.new(names[bits], text.encode()).hexdigest() if bits in names else None


def cut(text: str, size: int) -> str:
    """At most ``size`` bytes of a text, whole characters only."""
    return text.encode()[:size].decode(errors="ignore")


def quote_ident(text: str) -> str:
    if re.fullmatch(r"[a-z_][a-z0-9_$]*", text):
        return text
    return '"' + text.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def hex_number(value: int) -> str:
    return f"{value & 0xFFFFFFFFFFFFFFFF:x}"


def from_varbyte(data: bytes, form: str) -> str:
    """VARBYTE to text. Raises ValueError for an unknown form or bytes that are no UTF-8."""
    import base64

    name = form.lower()
    if name in ("hex", "base16"):
        return data.hex()
    if name == "base64":
        return base64.b64encode(data).decode()
    if name in ("utf8", "utf-8"):
        return data.decode()
    raise ValueError(f"{form} is not a known format of VARBYTE: hex, base64 or utf-8")


def to_varbyte(text: str, form: str) -> bytes:
    """Text to VARBYTE. Raises ValueError for a text that is not of the form."""
    import base64

    name = form.lower()
    if name in ("hex", "base16"):
        return bytes.fromhex(text)
    if name == "base64":
        return base64.b64decode(text)
    if name in ("utf8", "utf-8"):
        return text.encode()
    raise ValueError(f"{form} is not a known format of VARBYTE: hex, base64 or utf-8")


def bytes_part(data: bytes, start: int, length: int) -> bytes:
    first = max(start, 1)
    return data[first - 1 : max(first - 1, start - 1 + length)]


def get_bit(data: bytes, position: int) -> int:
    """Bit ``position`` counted from the least significant one of the last byte."""
    if not 0 <= position < len(data) * 8:
        raise ValueError(f"bit index {position} is out of range")
    return data[len(data) - 1 - position // 8] >> (position % 8) & 1


def little_endian(number: int, digits: int) -> bytes:
    """The lowest ``digits`` / 2 bytes of a number, least significant first."""
    return int(number).to_bytes(digits // 2, "little")


def big_endian(number: int, width: int) -> bytes:
    """A number's bytes, most significant first."""
    return number.to_bytes(width, "big", signed=True)


def bytes_integer(data: bytes, width: int) -> int:
    """The number that ``width`` bytes spell. Raises ValueError for more of them."""
    if len(data) > width:
        raise ValueError(f"a value of {len(data)} bytes does not fit {width} bytes")
    return int.from_bytes(data, "big", signed=len(data) == width)
