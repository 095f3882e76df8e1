# SPDX-License-Identifier: Apache-2.0
"""A real browser for tests: Chromium, spoken to through its debugging pipe; no further package is needed."""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import time

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--disable-dev-shm-usage", "--remote-debugging-pipe", "about:blank",
)  # fmt: skip
PATIENCE_S = 60
START = """
import fcntl, os, sys
ours = [fcntl.fcntl(int(one), fcntl.F_DUPFD, 10) for one in sys.argv[1:3]]
os.dup2(ours[0], 3)
os.dup2(ours[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""  # the browser reads its commands from 3 and writes its answers to 4


def found():
    """Return the path of the browser; the test is skipped, loudly, where there is none."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"NO BROWSER: none of {', '.join(NAMES)} is installed (apt install chromium)")
    return path


@contextlib.contextmanager
def opened(profile):
    """Yield a browser with a fresh profile; it is gone afterwards."""
    our_read, their_write = os.pipe()
    their_read, our_write = os.pipe()
    ends = (their_read, their_write)
    process = subprocess.Popen(
        [sys.executable, "-c", START, *map(str, ends), found(), f"--user-data-dir={profile}", *OPTIONS],
        pass_fds=ends,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(their_read)
    os.close(their_write)
    try:
        yield Browser(our_read, our_write)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(our_read)
        os.close(our_write)


class Browser:
    """Messages to and from the browser."""

    def __init__(self, read, write):
        self.read, self.write, self.last, self.left, self.events = read, write, 0, b"", []

    def call(self, method, session=None, **parameters):
        """Send a command and return its result."""
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters} | (
            {"sessionId": session} if session else {}
        )
        os.write(self.write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE_S
        while True:
            for answer in self.messages(deadline):
                if answer.get("id") == self.last:
                    assert "error" not in answer, (method, answer["error"])
                    return answer["result"]

    def messages(self, deadline):
        """Wait for messages, keep the events, return the answers."""
        ready, _, _ = select.select([self.read], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, "the browser does not answer"
        data = os.read(self.read, 1 << 20)
        assert data, "the browser has gone"
        *whole, self.left = (self.left + data).split(b"\0")
        parsed = [json.loads(one) for one in whole]
        self.events += [one for one in parsed if "method" in one]
        return [one for one in parsed if "id" in one]

    def page(self, address, width=1000, height=800, touch=False, scheme="light", before="", context=""):
        """Open a page and wait until it is loaded; `before`: a script that runs first; `context`: whose cookies."""
        own = {"browserContextId": context} if context else {}
        target = self.call("Target.createTarget", url="about:blank", **own)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session, target)
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.call(f"{domain}.enable")
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch)
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        if before:
            page.call("Page.addScriptToEvaluateOnNewDocument", source=before)
        page.call("Page.navigate", url=address)
        page.wait("document.readyState === 'complete' && location.href !== 'about:blank'")
        return page


class Page:
    """One page."""

    def __init__(self, browser, session, target):
        self.browser, self.session, self.target = browser, session, target

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def evaluate(self, script):
        """Return the value of an expression; a promise is waited for."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, condition, patience_s=PATIENCE_S):
        """Wait until an expression is true."""
        deadline = time.monotonic() + patience_s
        while not self.evaluate(f"Boolean({condition})"):
            assert time.monotonic() < deadline, condition
            time.sleep(0.05)

    def mouse(self, kind, x, y, buttons=0):
        """Move, press or release the mouse."""
        button = "left" if kind != "mouseMoved" else "none"
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, buttons=buttons, clickCount=1)

    def key(self, key):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key)

    def picture(self):
        """Return a screenshot as PNG bytes."""
        return base64.b64decode(self.call("Page.captureScreenshot")["data"])

    def events(self, method):
        mine = (one for one in self.browser.events if one.get("sessionId") == self.session)
        return [one["params"] for one in mine if one["method"] == method]

    def addresses(self):
        """Return every address that the page asked for."""
        return [one["request"]["url"] for one in self.events("Network.requestWillBeSent")]

    def complaints(self):
        """Return what the page threw, and every error of its console."""
        thrown = [one["exceptionDetails"]["text"] for one in self.events("Runtime.exceptionThrown")]
        logged = [one["entry"]["text"] for one in self.events("Log.entryAdded") if one["entry"]["level"] == "error"]
        said = [one["args"] for one in self.events("Runtime.consoleAPICalled") if one["type"] in ("error", "assert")]
        return thrown + logged + said
