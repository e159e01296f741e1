"""The nursery: a process forked before any loop runs, which holds all that was built and forks workers when told.

A process in which a loop and threads run cannot be forked safely: the child would share the loop's epoll and inherit
locks that nobody opens again. The nursery has neither, so that a worker forked an hour later is as sound as the first,
and has the same TLS contexts: a caller's session resumes on any of them.
"""

import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from relay.crew.line import Line, Message, pair

# Takes its line to the parent and the file in memory for its table; returns the status to end with.
Work = Callable[[socket.socket, int], int]


@contextmanager
def nursery(work: Work) -> Iterator[Line]:
    """Fork the nursery; yield the line to it. Once that is closed or the parent is gone, it ends.

    It understands `fork NUMBER` with a worker's end of a line and a file for its table, and `kill PID`; it tells
    `born NUMBER PID` and `died NUMBER STATUS`, the status as waitpid's, in whole: negative when a signal ended it.
    """
    ours, theirs = pair()
    pid = os.fork()
    if not pid:
        with _as_a_process():
            ours.close()
            _Nursery(theirs, work).tend()
    theirs.close()
    ours.setblocking(False)  # noqa: FBT003  # the library's
    try:
        yield Line(ours)
    finally:
        ours.close()
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)


@contextmanager
def _as_a_process() -> Iterator[None]:
    """Run the block as all that this process does: it never returns to what was running when it was forked."""
    status = 1
    try:
        # The parent alone is told to stop, and tells the others: a terminal and systemd tell all at once.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        yield
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001  # nobody above may see it: that is another process' code
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


class _Nursery:
    """What runs in the nursery's process: no loop, no thread, nothing but forking and burying."""

    def __init__(self, sock: socket.socket, work: Work) -> None:
        self._socket = sock
        self._line = Line(sock)
        self._work = work
        self._workers: dict[int, str] = {}

    def tend(self) -> None:
        """Do as told until the parent is gone."""
        stirred, stirs = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(stirs, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(stirred, select.POLLIN)
        while True:
            for file, _ in poll.poll():
                if file == stirred:
                    os.read(stirred, 512)
                    self._bury()
                elif (message := self._line.take()) is None:
                    return
                else:
                    self._obey(message)

    def _obey(self, message: Message) -> None:
        match message.words:
            case ("fork", number):
                self._fork(number, *message.files)
            case ("kill", pid) if int(pid) in self._workers:
                os.kill(int(pid), signal.SIGKILL)
            case _:
                pass  # a worker that has ended meanwhile

    def _fork(self, number: str, line: int, table: int) -> None:
        pid = os.fork()
        if not pid:
            with _as_a_process():
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                self._socket.close()
                raise SystemExit(self._work(socket.socket(fileno=line), table))
        # With a copy of its end kept here, nobody would see that it closed.
        os.close(line)
        os.close(table)
        self._workers[pid] = number
        self._line.send("born", number, str(pid))

    def _bury(self) -> None:
        with suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = found
                self._line.send("died", self._workers.pop(pid), str(os.waitstatus_to_exitcode(status)))
