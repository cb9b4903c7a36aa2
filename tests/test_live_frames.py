"""Live sources: every trouble of a camera or a stream is told, waited out and leaves a gap, and nothing hangs."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from detector import capture
from detector.errors import SourceError, UsageError
from detector.live_frames import CameraRequest, LiveSource, Waits, open_live, shown_url
from detector.types import Frame
from tests.fake_camera import WAITS, Events, FakeCamera, at_leisure, lively, plug_in, wait_for
from tests.stream_servers import MjpegServer, RtspServer

SILENT = replace(WAITS, silent_s=1.0)
NEVER_SILENT = replace(WAITS, silent_s=1000.0)
SAMPLE = Path(__file__).parents[1] / "samples" / "twitches.mp4"


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeCamera:
    return plug_in(monkeypatch, tmp_path)


@pytest.fixture
def gives(camera: FakeCamera, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets the camera give so many pictures, by a clock of its own."""
    return lambda pictures: at_leisure(monkeypatch, camera, pictures)


@pytest.fixture
def events() -> Events:
    return Events()


def open_camera(
    events: Events, source: str = "0", request: CameraRequest | None = None, waits: Waits = WAITS
) -> LiveSource:
    return open_live(source, on_event=events, waits=waits, request=request)


def take(frames: Iterator[Frame], count: int) -> list[Frame]:
    return list(itertools.islice(frames, count))


def take_for(seconds: float, frames: Iterator[Frame]) -> list[Frame]:
    first = next(frames)
    return [first, *itertools.takewhile(lambda frame: frame.t_s < first.t_s + seconds, frames)]


def assert_increasing(frames: list[Frame]) -> None:
    for before, after in itertools.pairwise(frames):
        assert after.t_s > before.t_s and after.index > before.index


# --- opening --------------------------------------------------------------------------------------------------------


def test_asks_for_mjpg_a_high_rate_and_few_buffers(camera: FakeCamera, events: Events) -> None:
    with open_camera(events) as source:
        assert source.name == "camera 0 (Test Cam)" and not source.is_clip
        assert (source.width, source.height) == (64, 48)
    assert camera.asked == [
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, 1280),
        (cv2.CAP_PROP_FRAME_HEIGHT, 720),
        (cv2.CAP_PROP_FPS, 60),
        (cv2.CAP_PROP_BUFFERSIZE, 2),
    ]


@pytest.mark.parametrize(
    ("request_", "widths"), [(CameraRequest(), [1280, 640]), (CameraRequest(width=800, height=600, fps=15), [800])]
)
def test_a_slow_camera_without_mjpg_is_asked_for_a_smaller_picture(
    camera: FakeCamera, events: Events, request_: CameraRequest, widths: list[int]
) -> None:
    camera.codec, camera.fps = "YUYV", 10.0
    open_camera(events, request=request_).close()
    assert [value for what, value in camera.asked if what == cv2.CAP_PROP_FRAME_WIDTH] == widths


def test_times_are_when_the_driver_says_the_picture_was_taken(
    camera: FakeCamera, events: Events, gives: Callable[[int], None]
) -> None:
    gives(30)
    camera.clock = lambda taken_s: taken_s - 0.015
    with open_camera(events) as source:
        frames = take(next(source.stretches()), 30)
        since_start = camera.now() - source._zero_s
    assert np.diff([frame.t_s for frame in frames]) == pytest.approx(0.02, abs=1e-6)
    assert since_start - frames[-1].t_s == pytest.approx(0.015, abs=1e-6)
    assert all(frame.t_exact for frame in frames)


def test_a_driver_with_another_clock_is_not_believed(camera: FakeCamera, events: Events) -> None:
    camera.clock = lambda taken_s: time.time()
    with open_camera(events) as source:
        frames = take(next(source.stretches()), 20)
        assert frames[0].t_s > 0.0 and frames[-1].t_s < time.monotonic() - source._zero_s
    assert_increasing(frames)


def test_no_camera_is_one_sentence_and_exit_code_3(camera: FakeCamera, events: Events) -> None:
    camera.devices.clear()
    with pytest.raises(SourceError, match=r"^No camera found: connect one, or replay a clip .*--replay\.$") as caught:
        open_camera(events, "")
    assert caught.value.exit_code == 3 and events == []


def test_a_camera_that_cannot_be_opened_or_gives_no_picture_at_the_start(camera: FakeCamera, events: Events) -> None:
    camera.picture = lambda number: None
    with pytest.raises(SourceError, match=r"Camera 0 \(Test Cam\) gives no picture: unplug it"):
        open_camera(events, waits=SILENT)
    assert camera.open_now == 0 and events == []


def test_a_busy_camera_is_waited_for(camera: FakeCamera, events: Events) -> None:
    camera.busy = True
    with open_camera(events) as source:
        time.sleep(0.3)
        assert events.kinds() == ["busy"] and "Another program uses camera 0 (Test Cam)" in events[0].words
        assert source.width == 0
        camera.busy = False
        assert len(take(next(source.stretches()), 5)) == 5
    assert events.kinds() == ["busy"]


# --- troubles -------------------------------------------------------------------------------------------------------


def test_unplugged_and_plugged_in_again_is_a_gap_in_the_same_session(camera: FakeCamera, events: Events) -> None:
    with open_camera(events, "test cam") as source:
        stretches = source.stretches()
        first = take(next(stretches), 20)
        name = camera.devices.pop(0)
        wait_for(lambda: "lost" in events.kinds())
        time.sleep(0.2)
        assert camera.open_now == 0
        camera.devices[2] = name  # as Linux does while the old number is still held
        wait_for(lambda: "resumed" in events.kinds())
        assert source.frames_lost == source._queue.dropped, "an outage is a gap, not lost frames"
        second = take(next(stretches), 8)
        if second[0].t_s <= events.of("lost").t_s:  # grabbed before the plug was pulled
            first += second
            second = take(next(stretches), 8)
        lost, resumed = events.of("lost"), events.of("resumed")
    assert_increasing(first + second)
    assert first[-1].t_s <= lost.t_s < resumed.t_s <= second[0].t_s
    assert re.search(r"after \d\.\d s without", resumed.words)
    assert camera.opened_at[0].endswith("video0") and camera.opened_at[-1].endswith("video2")


def test_another_camera_of_the_same_name_is_not_taken_for_the_lost_one(camera: FakeCamera, events: Events) -> None:
    camera.devices[1] = "Test Cam"
    with open_camera(events, "0"):
        del camera.devices[0]
        wait_for(lambda: "lost" in events.kinds())
        time.sleep(0.3)
        assert len(camera.opened_at) == 1


def test_a_hanging_camera_ends_the_stretch_and_resumes(camera: FakeCamera, events: Events) -> None:
    with open_camera(events, waits=SILENT) as source:
        stretches = source.stretches()
        frames = next(stretches)
        take(frames, 5)
        camera.free.clear()
        rest = list(frames)  # ends while it hangs
        camera.free.set()
        again = take(next(stretches), 5)
    assert again[0].t_s - rest[-1].t_s > SILENT.silent_s
    assert events.kinds()[:2] == ["lost", "resumed"]


def test_a_changed_resolution_begins_a_stretch(
    camera: FakeCamera, events: Events, gives: Callable[[int], None]
) -> None:
    gives(30)
    camera.picture = lambda number: lively(number, 64, 48) if number < 20 else lively(number, 32, 24)
    with open_camera(events) as source:
        stretches = source.stretches()
        large = take(next(stretches), 100)
        small = take(next(stretches), 10)
        assert (source.width, source.height) == (32, 24)
    assert {frame.image.shape for frame in large} == {(48, 64, 3)} and len(large) == 20
    assert {frame.image.shape for frame in small} == {(24, 32, 3)}
    assert_increasing(large + small)
    assert events.of("resolution").words == "The picture changed from 64x48 to 32x24."
    assert camera.opened_at[1:] == []


@pytest.mark.parametrize(("picture", "kind"), [(np.zeros((48, 64, 3), np.uint8), "black"), (lively(1), "frozen")])
def test_black_and_frozen_pictures_are_told_once(
    camera: FakeCamera, events: Events, gives: Callable[[int], None], picture: np.ndarray, kind: str
) -> None:
    gives(70)
    camera.picture = lambda number: picture.copy() if 10 <= number < 60 else lively(number)
    with open_camera(events) as source:
        frames = take(next(source.stretches()), 70)
    assert [event for event in events.kinds() if event != "opened"] == [kind, "resumed"]
    assert events.of(kind).t_s - frames[0].t_s > 0.3
    assert source.frames_repeated == 49


def test_frames_that_the_camera_skips_are_counted(
    camera: FakeCamera, events: Events, gives: Callable[[int], None]
) -> None:
    gives(49)
    camera.skip, camera.fps = {20, 30, 31, 32}, 25.0
    with open_camera(events) as source:
        frames = take(next(source.stretches()), 45)
        assert source.frames_lost == 4
    assert max(np.diff([frame.t_s for frame in frames])) == pytest.approx(0.16, abs=1e-6)


def test_damaged_pictures_are_lost_not_black(camera: FakeCamera, events: Events, gives: Callable[[int], None]) -> None:
    gives(42)
    camera.fps = 25.0
    camera.picture = lambda number: None if number in (20, 25) else lively(number)
    with open_camera(events) as source:
        frames = take(next(source.stretches()), 40)
        assert source.frames_lost == 2
    assert min(float(frame.image.mean()) for frame in frames) > 60


def test_a_late_reader_loses_the_oldest_frames_and_they_are_counted(camera: FakeCamera, events: Events) -> None:
    with open_camera(events) as source:
        frames = next(source.stretches())
        before = take(frames, 12)
        wait_for(lambda: source.frames_lost > 10)
        camera.devices.clear()  # so that nothing more is lost while the rest is read
        wait_for(lambda: "lost" in events.kinds())
        after = list(frames)
    assert_increasing(before + after)
    gaps = int(np.sum(np.diff([frame.index for frame in before + after]) - 1))
    assert gaps == source.frames_lost
    assert len(after) == 8 and source.frames_read == 20


@pytest.mark.parametrize(("fps", "kinds"), [(40.0, ["opened"]), (16.0, ["opened", "slow"])])
def test_the_rate_is_measured_and_a_low_one_warned_of(
    camera: FakeCamera, events: Events, gives: Callable[[int], None], fps: float, kinds: list[str]
) -> None:
    gives(round(1.3 * fps))
    camera.fps = fps
    with open_camera(events) as source:
        take(next(source.stretches()), round(1.3 * fps))
        assert source.fps == pytest.approx(fps, rel=1e-3)
    assert events.kinds() == kinds
    told = re.fullmatch(
        r"Camera 0 \(Test Cam\): 64x48, MJPG, ([\d.]+) pictures a second \(measured\)\.", events[0].words
    )
    assert told is not None and float(told[1]) == pytest.approx(fps, rel=1e-3)
    if fps < 24:
        assert "0.1 to 0.2 s is seen in about 2 to 3 of them" in events[1].words


# --- ending ---------------------------------------------------------------------------------------------------------


def test_stop_ends_the_wait_for_a_lost_camera(camera: FakeCamera, events: Events) -> None:
    with open_camera(events) as source:
        stretches = source.stretches()
        camera.devices.clear()
        list(next(stretches))
        threading.Timer(0.3, source.stop).start()
        assert next(stretches, None) is None  # without stop it waits for ever


def test_stop_ends_a_stretch_even_while_the_camera_hangs(camera: FakeCamera, events: Events) -> None:
    source = open_camera(events, waits=NEVER_SILENT)
    frames = next(source.stretches())
    take(frames, 3)
    camera.free.clear()
    threading.Timer(0.2, source.stop).start()
    list(frames)  # without stop it waits for a quarter of an hour
    camera.free.set()
    source.close()
    assert camera.open_now == 0


def test_closing_frees_the_device_and_ends_the_thread(camera: FakeCamera, events: Events) -> None:
    with open_camera(events) as source:
        assert camera.open_now == 1
        stretches = source.stretches()
        take(next(stretches), 3)
    assert camera.open_now == 0
    assert next(stretches, None) is None
    assert not any(thread.name == "nasalis-grab" for thread in threading.enumerate())


def test_an_error_in_the_grabbing_thread_reaches_the_reader(camera: FakeCamera) -> None:
    def fail(event: object) -> None:
        raise RuntimeError("a listener broke")

    camera.picture = lambda number: np.zeros((48, 64, 3), np.uint8)
    with (
        open_live("0", on_event=fail, waits=WAITS) as source,
        pytest.raises(RuntimeError, match="a listener broke"),
    ):
        for frames in source.stretches():
            list(frames)
    assert camera.open_now == 0


NEVER_CLOSED = """
import socket, sys, time
from detector import capture
from detector.live_frames import open_live
from tests.stream_servers import MjpegServer
capture.STREAM_OPEN_S = 2.0
server = MjpegServer()
source = open_live(f"http://127.0.0.1:{server.port}/x")
print(len(next(next(source.stretches())).image))
server.cut()
mute = socket.create_server(("127.0.0.1", server.port))
connection = mute.accept()  # the thread is deep inside OpenCV, waiting for an answer
sys.exit("the caller failed")
"""


def test_a_program_that_fails_without_closing_ends_in_order() -> None:
    done = subprocess.run([sys.executable, "-c", NEVER_CLOSED], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (1, "120\n", "the caller failed\n")


# --- what is meant --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"source": str(SAMPLE)}, "is a clip, not a camera: add --replay"),
        ({"source": "0", "loop": True}, "add --replay"),
        ({"source": "0", "replay_speed": "max"}, "add --replay"),
        ({"source": "rtsp://host/x", "replay": True}, "Only a clip can be replayed"),
        ({"replay": True}, "Only a clip can be replayed"),
        ({"source": "ftp://user:word@host/x"}, r"^'ftp://host/x' cannot be watched"),
        ({"source": "file:///clip.mp4"}, "cannot be watched"),
    ],
)
def test_contradictions_are_wrong_usage(arguments: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        open_live(**arguments)


def test_a_clip_that_is_not_there_is_not_called_a_clip() -> None:
    with pytest.raises(SourceError, match=r"^There is no file"):
        open_live("nowhere.mp4")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://admin:s3cret@10.0.0.5:554/h264", "rtsp://10.0.0.5:554/h264"),
        ("http://host/video.cgi?user=a&pwd=s3cret#s3cret", "http://host/video.cgi"),
        ("rtsp://host/user=admin_password=s3cret_channel=1", "rtsp://host/..."),
        ("rtsp://admin:1/s3cret@host/x", "the stream"),
        ("rtsp://admin:1#s3cret@host/x", "the stream"),
        ("http://admin:s3cret@host:bad/", "the stream"),
        ("https://[2001:db8::1]:8443/v", "https://[2001:db8::1]:8443/v"),
    ],
)
def test_secrets_in_a_url_are_never_shown(url: str, shown: str) -> None:
    assert shown_url(url) == shown


# --- a real stream --------------------------------------------------------------------------------------------------


def test_an_http_stream_that_is_cut_and_restored(events: Events) -> None:
    server = MjpegServer()
    url = f"http://viewer:s3cret@127.0.0.1:{server.port}/video?token=s3cret"
    with open_live(url, on_event=events, waits=WAITS) as source:
        stretches = source.stretches()
        frames = next(stretches)
        first = take_for(1.5, frames)
        assert 5 < source.fps < 80  # sent at 40, but by a thread of this process
        server.cut()
        first += list(frames)
        time.sleep(0.3)
        server.start()
        second = take(next(stretches), 30)
    server.cut()
    assert_increasing(first + second)
    assert second[0].t_s - first[-1].t_s > 0.3
    assert {frame.image.shape for frame in first + second} == {(120, 160, 3)}
    assert [kind for kind in events.kinds() if kind != "slow"] == ["opened", "lost", "resumed"]
    assert source.name == f"http://127.0.0.1:{server.port}/video"
    assert not any("s3cret" in event.words or "viewer" in event.words for event in events)


def test_an_rtsp_stream_that_is_cut_and_restored(events: Events) -> None:
    server = RtspServer()
    with open_live(f"rtsp://127.0.0.1:{server.port}/live", on_event=events, waits=WAITS) as source:
        stretches = source.stretches()
        frames = next(stretches)
        first = take_for(1.5, frames)
        assert 5 < source.fps < 60  # sent at 30
        server.cut()
        first += list(frames)
        second = take(next(stretches), 30)
    server.close()
    assert any("RTP/AVP/TCP" in line for line in server.asked)
    assert_increasing(first + second)
    assert {frame.image.shape for frame in first + second} == {(120, 160, 3)}
    assert [kind for kind in events.kinds() if kind != "slow"] == ["opened", "lost", "resumed"]


def test_a_stream_that_nobody_sends_is_one_sentence(events: Events) -> None:
    server = MjpegServer()
    server.cut()
    with pytest.raises(SourceError, match=r"No video can be read from http://127\.0\.0\.1:\d+/x: check") as caught:
        open_live(f"http://u:s3cret@127.0.0.1:{server.port}/x", on_event=events, waits=WAITS)
    assert "s3cret" not in str(caught.value)


def test_clips_stay_without_network_after_a_stream_was_open(tmp_path: Path, events: Events) -> None:
    server = MjpegServer()
    with open_live(f"http://127.0.0.1:{server.port}/x", on_event=events, waits=WAITS):
        pass
    url = f"http://127.0.0.1:{server.port}/x"
    with capture._ffmpeg_held_to(capture._CLIP_OPTIONS):
        assert not cv2.VideoCapture(url, cv2.CAP_FFMPEG).isOpened()
    server.cut()
