"""Ctrl-C and SIGTERM during long work: it ends within a second or two, whatever is being computed."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_STATUS = 130
"""Of a process that was interrupted: 128 and the number of SIGINT, as shells have it."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_GRACE = 1.5  # seconds that the orderly way out may take


def _raise(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def prompt_interruption(last_words: Callable[[], str]) -> Iterator[None]:
    """Let SIGINT and SIGTERM raise KeyboardInterrupt, and end the process where that takes too long.

    The orderly way out may be long: threads in compiled code hear of an interruption only when they come
    back from it. Results are written whole or not at all, so that leaving at once loses nothing more.

    Parameters
    ----------
    last_words : callable
        What to say on standard error before the process is ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals go to the main thread only, and it is not ours to handle them
        return
    ended = threading.Event()
    heard, told = socket.socketpair()
    told.setblocking(False)

    def watch() -> None:
        # numbers of signals come over even while the main thread is in compiled code; the end of them says
        # that there was none of ours
        with heard:
            while number := heard.recv(1):
                if number[0] in _SIGNALS and not ended.wait(_GRACE):
                    sys.stderr.write(f"\n{last_words()}\n")
                    sys.stderr.flush()
                    os._exit(EXIT_STATUS)

    handlers = {number: signal.signal(number, _raise) for number in _SIGNALS}
    before = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        signal.set_wakeup_fd(before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        told.close()
