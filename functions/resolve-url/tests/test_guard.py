"""The guard refuses all other sockets, programs and files."""

import _socket
import contextlib
import os
import socket
import subprocess
import unittest
import urllib.request
from unittest import mock

import guard
from addresses import Allowed
from pages import Pages

guard.install(Allowed("127.0.0.1"))


def connect(made, address, way="connect"):
    with contextlib.closing(made):
        getattr(made, way)(address)


class Sockets(unittest.TestCase):
    def setUp(self):
        self.pages = Pages()
        self.addCleanup(self.pages.close)
        self.port = self.pages.server.server_port

    def test_only_resolved_addresses_can_be_connected_to(self):
        with guard.Budget() as budget, socket.socket() as one, self.assertRaises(guard.Refused):
            one.connect(("127.0.0.1", self.port))  # the host is allowed, but the address was not resolved
        self.assertEqual(budget.refused, ["private_address"])
        with guard.Budget():
            socket.create_connection(("127.0.0.1", self.port)).close()

    def test_every_kind_of_socket_is_guarded(self):
        with guard.Budget():
            for attempt in (
                lambda: socket.create_connection(("127.0.0.2", self.port)),
                lambda: socket.create_connection(("localhost", self.port)),
                lambda: urllib.request.urlopen(f"http://localhost:{self.port}/"),
                lambda: connect(socket.socket(), ("localhost", self.port)),
                lambda: connect(socket.socket(), ("127.0.0.2", self.port), "connect_ex"),
                lambda: connect(socket.socket(socket.AF_UNIX), "/run/x"),
                lambda: connect(socket.socket(type=socket.SOCK_DGRAM), ("127.0.0.1", self.port)),
                lambda: connect(_socket.socket(), ("127.0.0.1", self.port)),
                lambda: socket.gethostbyname("localhost"),
            ):
                with self.assertRaises(OSError):
                    attempt()
        self.assertEqual(self.pages.asked, [])

    def test_the_runtime_api_is_refused_although_its_host_is_allowed(self):
        with mock.patch.object(guard.Guard, "runtime_port", self.port), guard.Budget():
            for attempt in (
                lambda: guard.check_url(f"http://127.0.0.1:{self.port}/"),
                lambda: socket.create_connection(("127.0.0.1", self.port)),
            ):
                with self.assertRaises(guard.Refused):
                    attempt()

    def test_connections_outside_of_an_invocation_are_refused(self):
        with self.assertRaises(guard.Refused):
            socket.create_connection(("127.0.0.1", self.port))


class Programs(unittest.TestCase):
    def test_only_the_javascript_runtime_may_be_started(self):
        with mock.patch.object(guard.Guard, "programs", {"/bin/true"}):
            subprocess.run(["/bin/true"], check=True)
            process = os.posix_spawn("/bin/true", ["true"], {})  # used by subprocess in Python 3.13
            self.assertEqual(os.waitpid(process, 0)[1], 0)
        for attempt in (
            lambda: subprocess.run(["/bin/true"]),
            lambda: subprocess.run(["true"]),
            lambda: subprocess.run("/bin/true", shell=True),
            lambda: os.system("true"),
            lambda: os.posix_spawn("/bin/true", ["true"], {}),
            lambda: os.posix_spawnp("true", ["true"], {}),
            os.fork,
        ):
            with self.assertRaises(guard.Refused):
                attempt()

    def test_only_the_temporary_folder_is_written_to(self):
        with open("/tmp/files-resolve-url-test", "w"):
            pass
        os.unlink("/tmp/files-resolve-url-test")
        for attempt in (
            lambda: open("/var/x", "w"),
            lambda: open("/tmp/../x", "w"),
            lambda: os.open("/etc/passwd", os.O_RDWR),
        ):
            with self.assertRaises(guard.Refused):
                attempt()


if __name__ == "__main__":
    unittest.main()
