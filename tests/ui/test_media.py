"""Sound and films that were logged: they are played where they are shown, and only what is heard is fetched."""

from __future__ import annotations

import base64
import io
import math
import re
import struct
import wave
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.server.wire import Server, served
from tests.ui.lakes import lake

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SECONDS = 120
RATE = 44_100  # a minute has 5 MB, of which no browser fetches all before it is asked to
FRAMES = 20

# A film of coloured frames, as simulations are logged: without sound, and without a length in its head.
RECORD = """async (frames) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
  const context = canvas.getContext("2d");
  const recorder = new MediaRecorder(canvas.captureStream(), { mimeType: "video/webm;codecs=vp8" });
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const stopped = new Promise((done) => { recorder.onstop = done; });
  recorder.start();
  for (let i = 0; i < frames; i += 1) {
    context.fillStyle = `hsl(${i * 18} 90% 50%)`;
    context.fillRect(0, 0, 64, 48);
    await new Promise((done) => setTimeout(done, 40));
  }
  recorder.stop();
  await stopped;
  return btoa(String.fromCharCode(...new Uint8Array(await new Blob(parts).arrayBuffer())));
}"""
PLAY = """async (media) => {
  media.muted = true; // nobody has clicked on anything, without which no page may be heard
  await media.play();
}"""


def tone() -> bytes:
    """A WAV of a tone that rises and falls, in which every second is another one."""
    buffer = io.BytesIO()
    second = [int(20_000 * math.sin(math.tau * 440 * n / RATE)) for n in range(RATE)]
    frames = struct.pack(f"<{RATE}h", *second)
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(frames * SECONDS)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def film(browser: Browser) -> bytes:
    """What the browser itself has recorded."""
    page = browser.new_page()
    recorded = base64.b64decode(page.evaluate(RECORD, FRAMES))
    page.close()
    return recorded


@pytest.fixture(scope="module")
def shown(film: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    folder = tmp_path_factory.mktemp("media")
    with lake(folder / "lake") as filled:
        run_id = filled.run("rendered", files={"media/episode.webm": film, "media/tone.wav": tone()})
    with served(folder) as server:
        yield server, run_id


def test_a_film_is_played_to_its_end(page: Page, shown: tuple[Server, str]) -> None:
    server, run_id = shown
    page.goto(f"{server.url}/runs/{run_id}?tab=artifacts&path=media/episode.webm")
    video = page.get_by_label("episode.webm")
    video.evaluate(PLAY)
    page.wait_for_function("() => document.querySelector('video').ended")
    size = video.evaluate("(video) => [video.videoWidth, video.videoHeight]")
    assert size == [64, 48]
    assert 0.3 < video.evaluate("(video) => video.currentTime") < 10
    assert video.evaluate("(video) => video.error") is None


def test_sound_is_heard_from_where_one_jumps_to_without_what_is_before(page: Page, shown: tuple[Server, str]) -> None:
    server, run_id = shown
    asked: list[str] = []
    page.on(
        "request", lambda sent: asked.append(sent.all_headers().get("range", "")) if "tone.wav" in sent.url else None
    )
    page.goto(f"{server.url}/runs/{run_id}?tab=artifacts&path=media/tone.wav")
    audio = page.get_by_label("tone.wav")
    page.wait_for_function("() => document.querySelector('audio')?.readyState >= 1")
    assert audio.evaluate("(audio) => audio.duration") == pytest.approx(SECONDS)
    audio.evaluate("(audio) => { audio.currentTime = 110; }")
    audio.evaluate(PLAY)
    page.wait_for_function("() => document.querySelector('audio').currentTime > 110.1")
    begins = [int(found[1]) for found in map(re.compile(r"^bytes=(\d+)-").match, asked) if found]
    assert max(begins) > 100 * RATE * 2, asked
    assert not audio.evaluate(
        "(audio) => audio.buffered.length === 1 && audio.buffered.end(0) - audio.buffered.start(0) > 119"
    )
