"""Bodies in the content codings that the gateway undoes, for tests."""

import functools
import gzip
import sys
import zlib
from collections.abc import Callable

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["CODE", "zstd"]

CODE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": functools.partial(gzip.compress, compresslevel=1),
    "deflate": functools.partial(zlib.compress, level=1),
    "br": functools.partial(brotli.compress, quality=1),
    "zstd": zstd.compress,
}
"""Each coding, and how a body is put into it at once: how small it gets matters to no test."""
