"""The guard on everything that leaves this process: sockets, programs, files, and how much of each.

An audit hook (https://docs.python.org/3/library/audit_events.html) sees every connection, program and opened file where the
interpreter itself makes it, whichever library asks, and cannot be removed again. Connections are refused unless the guarded
resolver has just given that very address and port: nothing is resolved a second time, so a second answer cannot matter.
"""

import os
import signal
import socket
import sys
import tempfile
import time
import urllib.parse

from addresses import Allowed, is_private_name, is_public, literal

# Of one page's resolution. YouTube, the hungriest site, takes about ten requests and 6 MB.
MAX_REQUESTS = 60
MAX_BYTES = 32 * 1024 * 1024
MAX_SECONDS = 40
# Of the processor's time: a page whose regular expressions take longer is not worth it.
MAX_CPU_SECONDS = 8
# How often time that was over is said again, lest somebody swallowed it.
REPEAT_SECONDS = 1

# Of the user's headers, what may go to another origin than the page's.
FOR_EVERYONE = ("accept", "accept-language", "user-agent")

_lookup = socket.getaddrinfo
_read = socket.SocketIO.readinto


class Refused(OSError):
    """This is not done. An OSError, so that whoever asked takes it for a failed connection or a missing program."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class Over(BaseException):
    """A limit is reached. No Exception, so that nobody who makes the best of errors goes on."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class Budget:
    """What one invocation may use, and what it has used."""

    def __init__(self, seconds=MAX_SECONDS, requests=MAX_REQUESTS, size=MAX_BYTES, url="", headers=()):
        self.seconds, self.max_requests, self.max_bytes = seconds, requests, size
        self.origin, self.headers = origin(url), dict(headers)
        self.requests = self.bytes = 0
        self.refused = []
        self.admitted = set()

    def request(self):
        self.requests += 1
        if self.requests > self.max_requests:
            raise Over("too_many_requests")

    def read(self, size):
        self.bytes += size
        if self.bytes > self.max_bytes:
            raise Over("too_large")

    def refuse(self, reason):
        """Notes it, because yt-dlp may turn the error into another, or try something else."""
        self.refused.append(reason)
        raise Refused(reason)

    def __enter__(self):
        Guard.budget = self
        signal.signal(signal.SIGALRM, _time_is_over)
        signal.signal(signal.SIGVTALRM, _time_is_over)
        signal.setitimer(signal.ITIMER_REAL, self.seconds, REPEAT_SECONDS)
        signal.setitimer(signal.ITIMER_VIRTUAL, MAX_CPU_SECONDS, REPEAT_SECONDS)
        self.began = time.monotonic()
        return self

    def __exit__(self, *_):
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        Guard.budget = None


class Guard:
    """What holds for the whole process."""

    budget = None
    allowed = Allowed()
    programs = frozenset()
    proxy = None
    runtime_port = None
    installed = False


def _time_is_over(_signal, _frame):
    raise Over("took_too_long")


def install(allowed, programs=(), proxy=None, runtime_api=""):
    """Guards this process from now on. `proxy`: host and port of the operator's, where there is one. `runtime_api`: host and
    port of Lambda's."""
    Guard.allowed, Guard.programs, Guard.proxy = allowed, frozenset(programs), proxy
    port = runtime_api.rpartition(":")[2]
    Guard.runtime_port = int(port) if port.isdigit() else None
    if not Guard.installed:
        Guard.installed = True
        tempfile.tempdir = "/tmp"
        socket.getaddrinfo = _guarded_lookup
        socket.SocketIO.readinto = _counted_read
        sys.addaudithook(_audit)


def _budget():
    if Guard.budget is None:
        raise Refused("not_now")  # nothing is asked for but in an invocation
    return Guard.budget


def origin(url):
    """Scheme, host and port, of which each must be the same for what is the user's secret."""
    parts = urllib.parse.urlsplit(url)
    try:
        return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None


def own_headers(url):
    """What the user gave for the page: to its own origin all, to others what everybody may know."""
    budget = _budget()
    if origin(url) == budget.origin:
        return budget.headers
    return {name: value for name, value in budget.headers.items() if name.lower() in FOR_EVERYONE}


def check_url(url):
    """Refuses a URL that is not to be asked for, as far as can be told without resolving its name. Counts the request."""
    budget = _budget()
    budget.request()
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https"):
        budget.refuse("scheme")
    _check_host(budget, parts.hostname or "", _port(budget, parts))


def _port(budget, parts):
    try:
        return parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        budget.refuse("port")


def _check_host(budget, host, port):
    if host in Guard.allowed:
        # Lambda's Runtime API asks for no credential and hands out others' requests: out of reach whatever is allowed. A name
        # may not have its port either, for where it leads is known too late.
        if port == Guard.runtime_port:
            budget.refuse("private_address")
        return
    if not host or is_private_name(host) or ((address := literal(host)) and not is_public(address)):
        budget.refuse("private_address")
    if port not in (80, 443):
        budget.refuse("port")


def _guarded_lookup(host, port, *args, **kwargs):
    """One lookup; every address of the answer must be public, and only these may be connected to."""
    budget = _budget()
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
    is_proxy = Guard.proxy is not None and (name, port) == Guard.proxy
    if not is_proxy:
        _check_host(budget, name, port)
    answers = _lookup(host, port, *args, **kwargs)
    found = [(answer[4][0], answer[4][1]) for answer in answers]
    if not is_proxy and name not in Guard.allowed and not all(is_public(address) for address, _ in found):
        budget.refuse("private_address")
    budget.admitted.update(found)
    return answers


def checked_address(host, port):
    """Resolves a name for a proxy, which is then told the address: it must not resolve the name itself, for it may stand in a
    private network. Every address must be public; IPv4 comes first, as a proxy may have nothing else."""
    budget = _budget()
    _check_host(budget, host, port)
    if address := literal(host):
        return address
    answers = _lookup(host, port, type=socket.SOCK_STREAM)
    found = [answer[4][0] for answer in sorted(answers, key=lambda answer: answer[0] != socket.AF_INET)]
    if host not in Guard.allowed and not all(is_public(address) for address in found):
        budget.refuse("private_address")
    return found[0]


def _counted_read(self, buffer):
    """All that http.client reads comes through here, with and without TLS."""
    size = _read(self, buffer)
    if size and Guard.budget:
        Guard.budget.read(size)
    return size


def _audit(event, arguments):
    check = _CHECKS.get(event)
    if check:
        check(event, arguments)


def _connect(_event, arguments):
    address = arguments[1]
    if not isinstance(address, tuple) or (address[0], address[1]) not in _budget().admitted:
        _budget().refuse("private_address")


def _never(event, _arguments):
    raise Refused(event)


def _library(_event, arguments):
    if arguments[0] is not None:  # None is Python itself, which `import ctypes` opens
        raise Refused("library")


def _program(_event, arguments):
    executable, command = arguments[0], arguments[1]
    program = executable or (command[0] if command else None)
    if os.fsdecode(program or "") not in Guard.programs:
        raise Refused("program")


def _file(_event, arguments):
    path, mode, flags = arguments
    writes = any(letter in mode for letter in "wax+") if mode else bool((flags or 0) & (os.O_WRONLY | os.O_RDWR))
    if not writes or not isinstance(path, (str, bytes)):
        return
    path = os.path.abspath(os.fsdecode(path))
    if not f"{path}/".startswith("/tmp/") and path != os.devnull:  # the folder itself is what tempfile names
        raise Refused("file")


_CHECKS = {
    "socket.connect": _connect,
    "socket.sendto": _never,
    "socket.sendmsg": _never,
    "socket.gethostbyname": _never,
    "socket.gethostbyaddr": _never,
    "socket.getnameinfo": _never,
    "subprocess.Popen": _program,
    "open": _file,
    "os.system": _never,
    "os.exec": _never,
    "os.spawn": _never,
    "os.posix_spawn": _program,  # how subprocess starts programs since Python 3.13, which is Lambda's
    "os.fork": _never,
    "os.forkpty": _never,
    "pty.spawn": _never,
    "ftplib.connect": _never,
    "smtplib.connect": _never,
    "sqlite3.connect": _never,
    "ctypes.dlopen": _library,
}
