"""A headless browser spoken to through its debugging pipe, to look at pages from disk."""

import json
import os
import select
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe"),
    *("--autoplay-policy=no-user-gesture-required", "--mute-audio"),
)
LIMIT = 60.0  # seconds for one answer


class Browser:
    """Chromium on the other end of two pipes; messages are JSON ended by a zero byte."""

    def __init__(self, program: str, profile: Path) -> None:
        theirs, self.out = os.pipe()
        self.into, back = os.pipe()
        low = [os.dup(fd) for fd in (theirs, back)]  # away from 3 and 4, which are overwritten
        while min(low) < 5:
            low = [os.dup(fd) for fd in low]
        self.process = os.posix_spawn(
            program,
            [program, *FLAGS, f"--user-data-dir={profile}"],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, low[0], 3),
                (os.POSIX_SPAWN_DUP2, low[1], 4),
            ],
        )
        for fd in (theirs, back, *low):
            os.close(fd)
        self.number, self.session, self.rest = 0, "", b""
        self.events: list[dict[str, Any]] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and give its answer; events that come before it are kept."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def read(self) -> dict[str, Any]:
        deadline = time.monotonic() + LIMIT
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.into], [], [], deadline - time.monotonic())
            assert ready, f"the browser has not answered within {LIMIT} s"
            self.rest += os.read(self.into, 2**20)
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def open(self, path: Path, width: int = 1280, scheme: str = "light") -> None:
        """Open a file in a window of that width and wait until it is loaded."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", **size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", features=features)
        self.events.clear()
        self.ask("Page.navigate", url=path.resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self.read())

    def evaluate(self, expression: str) -> Any:
        """Give the value of a JavaScript expression in the page."""
        answer = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def complaints(self) -> list[Any]:
        """Give what the page wrote to the console, its errors, and what it asked of the network."""
        loud = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        said = [event for event in self.events if event["method"] in loud]
        asked = [
            event["params"]["request"]["url"][:80]
            for event in self.events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return said + [url for url in asked if not url.startswith(("file:", "data:"))]

    def close(self) -> None:
        os.kill(self.process, signal.SIGTERM)
        os.waitpid(self.process, 0)
        os.close(self.out)
        os.close(self.into)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium; the test is skipped where there is none."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    opened = Browser(program, tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()
