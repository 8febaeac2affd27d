"""Restricts the connections, programs and files of this process, and limits time, requests and bytes per page.

An audit hook (https://docs.python.org/3/library/audit_events.html) checks every connection, program and opened file in the
interpreter itself, for all libraries, and cannot be removed. A connection is refused unless the guarded resolver has returned its
address and port during the current invocation, so that DNS rebinding has no effect.
"""

import os
import signal
import socket
import sys
import tempfile
import time
import urllib.parse

from addresses import Allowed, is_private_name, is_public, literal

# The limits per page. YouTube needs the most of the supported sites: about ten requests and 6 MB.
MAX_REQUESTS = 60
MAX_BYTES = 32 * 1024 * 1024
MAX_SECONDS = 40
# The limit on CPU time, against pages on which yt-dlp's regular expressions take too long.
MAX_CPU_SECONDS = 8
# The interval at which Over is raised again after the time limit, in case a library has caught it.
REPEAT_SECONDS = 1

# The user's headers that are also sent to other origins than the page's.
FOR_EVERYONE = ("accept", "accept-language", "user-agent")

_lookup = socket.getaddrinfo
_read = socket.SocketIO.readinto


class Refused(OSError):
    """An operation is not allowed. An OSError, so that libraries treat it as a failed connection or a missing program."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class Over(BaseException):
    """A limit is exceeded. A BaseException, so that libraries that handle every Exception do not continue."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class Budget:
    """The limits of one invocation, and their use."""

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
        """Records the reason and raises Refused. yt-dlp may convert or ignore the error, so the record tells the cause."""
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
    """The state of the guard in this process."""

    budget = None
    allowed = Allowed()
    programs = frozenset()
    proxy = None
    runtime_port = None
    installed = False


def _time_is_over(_signal, _frame):
    raise Over("took_too_long")


def install(allowed, programs=(), proxy=None, runtime_api=""):
    """Installs the guard for the rest of the process. `proxy` is the host and port of the operator's proxy, or None.
    `runtime_api` is the host:port of Lambda's Runtime API."""
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
        raise Refused("not_now")  # requests are allowed only during an invocation
    return Guard.budget


def origin(url):
    """Returns the origin of a URL: scheme, host and port. The user's secret headers are sent only to the page's origin."""
    parts = urllib.parse.urlsplit(url)
    try:
        return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None


def own_headers(url):
    """Returns the user's headers for a URL: all for the page's own origin, only those in FOR_EVERYONE for other origins."""
    budget = _budget()
    if origin(url) == budget.origin:
        return budget.headers
    return {name: value for name, value in budget.headers.items() if name.lower() in FOR_EVERYONE}


def check_url(url):
    """Counts a request, and refuses its URL if it fails the checks that need no DNS."""
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
        # Lambda's Runtime API needs no credentials and returns other users' requests, so its port is refused for every allowed
        # host: the addresses of a name are not known yet.
        if port == Guard.runtime_port:
            budget.refuse("private_address")
        return
    if not host or is_private_name(host) or ((address := literal(host)) and not is_public(address)):
        budget.refuse("private_address")
    if port not in (80, 443):
        budget.refuse("port")


def _guarded_lookup(host, port, *args, **kwargs):
    """Replaces socket.getaddrinfo. Refuses a name if any of its addresses is not public, and admits connections to the others."""
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
    """Resolves a name before it is passed to a proxy, which may be in a private network and must not resolve it itself. All
    addresses must be public. Prefers IPv4, because the proxy may not have IPv6."""
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
    """Replaces socket.SocketIO.readinto, through which http.client reads all bytes. Counts them."""
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
    if arguments[0] is not None:  # `import ctypes` opens None, the program itself
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
    if not f"{path}/".startswith("/tmp/") and path != os.devnull:  # tempfile opens the folder itself
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
    "os.posix_spawn": _program,  # used by subprocess since Python 3.13, Lambda's version
    "os.fork": _never,
    "os.forkpty": _never,
    "pty.spawn": _never,
    "ftplib.connect": _never,
    "smtplib.connect": _never,
    "sqlite3.connect": _never,
    "ctypes.dlopen": _library,
}
