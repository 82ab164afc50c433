"""One browser for all tests of the viewer."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from poselift.poses import Results
from poselift.viewer import render_html

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

    from viewer_browser import Page

FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--disable-dev-shm-usage --window-size=1280,900"
)


def _find(*names: str) -> str | None:
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture(scope="package")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """One browser for the folder; absent, it fails where a browser is promised, else skips."""
    pytest.importorskip("selenium", reason="selenium is not installed (extra: dev)")
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    browser = _find("chromium", "chromium-browser", "google-chrome")
    service = _find("chromedriver")
    if not (browser and service):
        reason = "chromium and chromedriver not found (apt-get install chromium chromium-driver)"
        promised = os.environ.get("POSELIFT_REQUIRE_BROWSER") == "1" or os.environ.get("CI")
        (pytest.fail if promised else pytest.skip)(reason)
    options = ChromeOptions()
    options.binary_location = browser
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = Chrome(options=options, service=Service(service))
    chrome.set_page_load_timeout(120)
    chrome.set_script_timeout(120)
    chrome.get("about:blank")  # away from the browser's own start page, which loads things
    yield chrome
    chrome.quit()


@pytest.fixture
def show(driver: Chrome, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Open results as a page; afterwards no console line and no request may be left."""
    from viewer_browser import Page

    address = (tmp_path / "page.html").as_uri()
    for log in ("browser", "performance"):
        driver.get_log(log)

    def open_page(
        shown: Results, *, title: str = "a clip", at: int | None = 0, **more: Any
    ) -> Page:
        page = Page(driver, tmp_path / "page.html")
        page.open(render_html(shown, title, **more), at)
        return page

    yield open_page
    fetched = driver.execute_script(
        "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    )
    assert [name for name in fetched if not name.startswith("blob:")] == []
    assert [line["message"] for line in driver.get_log("browser")] == []
    events = [json.loads(line["message"])["message"] for line in driver.get_log("performance")]
    asked = {
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    }
    inside = ("chrome:", "chrome-untrusted:", "blob:")  # a video in the page is such a blob
    asked = {url for url in asked if not url.startswith(inside)}
    assert asked <= {address, "data:,", "about:blank"}


@pytest.fixture
def command(driver: Chrome) -> Iterator[Callable[..., dict]]:
    """Send DevTools commands; emulation and clocks are taken back afterwards."""
    scripts = []

    def send(name: str, **arguments: object) -> dict:
        answer = driver.execute_cdp_cmd(name, arguments)
        if name == "Page.addScriptToEvaluateOnNewDocument":
            scripts.append(answer["identifier"])
        return answer

    yield send
    for identifier in scripts:
        send("Page.removeScriptToEvaluateOnNewDocument", identifier=identifier)
    send("Emulation.setEmulatedMedia", media="", features=[])
    send("Emulation.clearDeviceMetricsOverride")
    send("Emulation.setTouchEmulationEnabled", enabled=False)
