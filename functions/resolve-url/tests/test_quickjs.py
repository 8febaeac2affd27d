"""Runs yt-dlp's solver for YouTube's challenges with the packaged QuickJS, offline."""

import os
import subprocess
import tempfile
import unittest
from unittest import mock

import guard
from addresses import Allowed
from downloader import QUICKJS, open_downloader
from yt_dlp.extractor.youtube.jsc._builtin.quickjs import QuickJSJCP
from yt_dlp.extractor.youtube.jsc.provider import JsChallengeRequest, JsChallengeType, NChallengeInput

# A script like YouTube's player: one function creates a URL object, whose class reverses the challenge.
PLAYER = """
var _yt_player={};(function(g){"use strict";
class Address{constructor(sig){this.m={s:sig}}set(k,v){this.m[k]=v}get(k){return this.m[k]}clone(){return this}
turn(){this.m.n=this.m.n.split("").reverse().join("")}}
g.make=function(address,name,sig){const url=new Address(sig);url.set("alr","yes");return url};
})(_yt_player);
"""

guard.install(Allowed("127.0.0.1"))


@unittest.skipUnless(QUICKJS.is_file(), f"{QUICKJS} is missing: `make test-pages` builds it")
class QuickJs(unittest.TestCase):
    def setUp(self):
        allowed = mock.patch.object(guard.Guard, "programs", {str(QUICKJS)})
        allowed.start()
        self.addCleanup(allowed.stop)

    def run_script(self, text):
        with tempfile.NamedTemporaryFile("w", dir="/tmp", suffix=".js") as file:
            file.write(text)
            file.flush()
            return subprocess.run([str(QUICKJS), "--script", file.name], capture_output=True, text=True)

    def test_a_challenge_is_solved(self):
        with guard.Budget(30), open_downloader(None, None) as downloader:
            self.assertEqual(downloader._js_runtimes["quickjs"].info.name, "quickjs-ng")
            provider = QuickJSJCP(downloader.get_info_extractor("Youtube"), mock.Mock(), {})
            self.assertTrue(provider.is_available())
            challenge = JsChallengeRequest(JsChallengeType.N, NChallengeInput("https://player", ["abcdef", "12"]), "id")
            with mock.patch.object(provider, "_get_player", return_value=PLAYER):
                (answer,) = provider.bulk_solve([challenge])
        self.assertIsNone(answer.error)
        self.assertEqual(answer.response.output.results, {"abcdef": "fedcba", "12": "21"})

    def test_a_script_can_only_compute_and_print(self):
        done = self.run_script("console.log(typeof std, typeof os, typeof require, typeof scriptArgs, 2 ** 10)")
        self.assertEqual(done.stdout, "undefined undefined undefined undefined 1024\n")
        for module in ("qjs:os", "qjs:std", "os", "./x.js", "/etc/passwd"):
            done = self.run_script(f"import({module!r}).then(() => console.log('loaded'), () => console.log('no'))")
            self.assertEqual(done.stdout, "no\n", module)

    def test_a_script_has_limited_stack_and_memory(self):
        for script in ("const f = () => f() + 1; f()", "const a = []; for (;;) a.push(new Array(1e6).fill(1))"):
            done = self.run_script(script)
            self.assertEqual((done.returncode, done.stdout), (1, ""), script)
            self.assertTrue(done.stderr)


if __name__ == "__main__":
    unittest.main()
