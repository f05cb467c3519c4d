"""Ed25519 signatures, after the Python code of RFC 8032 section 6 (its components are under the Simplified BSD License).

Not in constant time: an instrument signs one nonce of the bus's server when it connects, inside its own container, where
nobody else can measure it.
"""

import hashlib

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def _hash_to_number(data):
    return int.from_bytes(hashlib.sha512(data).digest(), "little")


# Points are (X, Y, Z, T) in extended coordinates: x = X/Z, y = Y/Z, x*y = T/Z.
def _add(a, b):
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g = 2 * a[3] * b[3] * D % P
    h = 2 * a[2] * b[2] % P
    return ((f - e) * (h - g) % P, (h + g) * (f + e) % P, (h - g) * (h + g) % P, (f - e) * (f + e) % P)


def _multiply(number, point):
    result = (0, 1, 1, 0)
    while number > 0:
        if number & 1:
            result = _add(result, point)
        point = _add(point, point)
        number >>= 1
    return result


def _x_of(y, sign):
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P)
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P != 0:
        x = x * ROOT_OF_MINUS_ONE % P
    return P - x if (x & 1) != sign else x


_BASE_Y = 4 * pow(5, P - 2, P) % P
_BASE_X = _x_of(_BASE_Y, 0)
_BASE = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % P)


def _compress(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | ((x & 1) << 255)).to_bytes(32, "little")


def _expand(secret):
    digest = hashlib.sha512(secret).digest()
    number = int.from_bytes(digest[:32], "little")
    number &= (1 << 254) - 8
    number |= 1 << 254
    return number, digest[32:]


def public_key(secret):
    """The 32 bytes of the public key of a 32-byte secret."""
    number, _ = _expand(secret)
    return _compress(_multiply(number, _BASE))


def sign(secret, message):
    """The 64 bytes of the signature of a message."""
    number, prefix = _expand(secret)
    public = _compress(_multiply(number, _BASE))
    r = _hash_to_number(prefix + message) % Q
    point = _compress(_multiply(r, _BASE))
    h = _hash_to_number(point + public + message) % Q
    return point + ((r + h * number) % Q).to_bytes(32, "little")
