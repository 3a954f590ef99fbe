"""FarmHash Fingerprint64, which FARMFINGERPRINT64 gives (Google's farmhash, namespace farmhashna: Hash64)."""

from __future__ import annotations

_MASK = 0xFFFFFFFFFFFFFFFF
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def _word(data: bytes, at: int, size: int = 8) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _rotate(value: int, by: int) -> int:
    return (value >> by | value << 64 - by) & _MASK


def _mix(value: int) -> int:
    return value ^ value >> 47


def _two(left: int, right: int, factor: int) -> int:
    """Sixteen bytes into eight."""
    a = _mix((left ^ right) * factor & _MASK)
    return _mix((right ^ a) * factor & _MASK) * factor & _MASK


def _to_16(data: bytes) -> int:
    size = len(data)
    factor = _K2 + size * 2
    if size >= 8:
        a, b = (_word(data, 0) + _K2) & _MASK, _word(data, size - 8)
        c = (_rotate(b, 37) * factor + a) & _MASK
        d = ((_rotate(a, 25) + b) * factor) & _MASK
        return _two(c, d, factor)
    if size >= 4:
        return _two(size + (_word(data, 0, 4) << 3), _word(data, size - 4, 4), factor)
    if size:
        y = data[0] + (data[size >> 1] << 8)
        z = size + (data[size - 1] << 2)
        return _mix((y * _K2 & _MASK) ^ (z * _K0 & _MASK)) * _K2 & _MASK
    return _K2


def _to_32(data: bytes) -> int:
    size = len(data)
    factor = _K2 + size * 2
    a, b = _word(data, 0) * _K1 & _MASK, _word(data, 8)
    c, d = _word(data, size - 8) * factor & _MASK, _word(data, size - 16) * _K2 & _MASK
    left = _rotate((a + b) & _MASK, 43) + _rotate(c, 30) + d
    return _two(left & _MASK, (a + _rotate((b + _K2) & _MASK, 18) + c) & _MASK, factor)


def _to_64(data: bytes) -> int:
    size = len(data)
    factor = _K2 + size * 2
    a, b = _word(data, 0) * _K2 & _MASK, _word(data, 8)
    c, d = _word(data, size - 8) * factor & _MASK, _word(data, size - 16) * _K2 & _MASK
    y = (_rotate((a + b) & _MASK, 43) + _rotate(c, 30) + d) & _MASK
    z = _two(y, (a + _rotate((b + _K2) & _MASK, 18) + c) & _MASK, factor)
    e, f = _word(data, 16) * factor & _MASK, _word(data, 24)
    g, h = (y + _word(data, size - 32)) * factor & _MASK, (z + _word(data, size - 24)) * factor & _MASK
    left = _rotate((e + f) & _MASK, 43) + _rotate(g, 30) + h
    return _two(left & _MASK, (e + _rotate((f + a) & _MASK, 18) + g) & _MASK, factor)


def _block(data: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    """Thirty-two bytes and two seeds into two words."""
    w, x, y, z = (_word(data, at + step) for step in (0, 8, 16, 24))
    a = (a + w) & _MASK
    b = _rotate((b + a + z) & _MASK, 21)
    first = a
    a = (a + x + y) & _MASK
    b = (b + _rotate(a, 44)) & _MASK
    return (a + z) & _MASK, (b + first) & _MASK


def _long(data: bytes) -> int:
    size, seed = len(data), 81
    x = seed
    y = (seed * _K1 + 113) & _MASK
    z = _mix((y * _K2 + 113) & _MASK) * _K2 & _MASK
    v, w = (0, 0), (0, 0)
    x = (x * _K2 + _word(data, 0)) & _MASK
    end = (size - 1) // 64 * 64
    last = size - 64
    for at in range(0, end, 64):
        x = _rotate((x + y + v[0] + _word(data, at + 8)) & _MASK, 37) * _K1 & _MASK
        y = _rotate((y + v[1] + _word(data, at + 48)) & _MASK, 42) * _K1 & _MASK
        x ^= w[1]
        y = (y + v[0] + _word(data, at + 40)) & _MASK
        z = _rotate((z + w[0]) & _MASK, 33) * _K1 & _MASK
        v = _block(data, at, v[1] * _K1 & _MASK, (x + w[0]) & _MASK)
        w = _block(data, at + 32, (z + w[1]) & _MASK, (y + _word(data, at + 16)) & _MASK)
        z, x = x, z
    factor = (_K1 + ((z & 0xFF) << 1)) & _MASK
    w = ((w[0] + (size - 1 & 63)) & _MASK, w[1])
    v = ((v[0] + w[0]) & _MASK, v[1])
    w = ((w[0] + v[0]) & _MASK, w[1])
    x = _rotate((x + y + v[0] + _word(data, last + 8)) & _MASK, 37) * factor & _MASK
    y = _rotate((y + v[1] + _word(data, last + 48)) & _MASK, 42) * factor & _MASK
    x ^= w[1] * 9 & _MASK
    y = (y + v[0] * 9 + _word(data, last + 40)) & _MASK
    z = _rotate((z + w[0]) & _MASK, 33) * factor & _MASK
    v = _block(data, last, v[1] * factor & _MASK, (x + w[0]) & _MASK)
    w = _block(data, last + 32, (z + w[1]) & _MASK, (y + _word(data, last + 16)) & _MASK)
    z, x = x, z
    left = (_two(v[0], w[0], factor) + _mix(y) * _K0 + z) & _MASK
    return _two(left, (_two(v[1], w[1], factor) + x) & _MASK, factor)


def fingerprint(data: bytes) -> int:
    """The fingerprint as a signed 64-bit number."""
    size = len(data)
    value = _to_16(data) if size <= 16 else _to_32(data) if size <= 32 else _to_64(data) if size <= 64 else _long(data)
    return value - (1 << 64) if value >> 63 else value
