"""Files before decoding: what is no clip gets one clear sentence, nothing but the one local file is opened."""

from __future__ import annotations

import hashlib
import http.server
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from detector.errors import SourceError, UsageError
from detector.frames import ClipSource, find_clips, recorded_at, sha256_of
from tests import clips

# --- what is no clip ------------------------------------------------------------------------------------------------


def refused(path: Path | str, *words: str) -> None:
    with pytest.raises(SourceError) as error:
        ClipSource(path)
    text = str(error.value)
    assert error.value.exit_code == 3
    assert "\n" not in text and text.endswith(".") and (": " in text or "; " in text)
    for word in (Path(path).name, *words):
        assert word in text


def test_missing_folder_and_empty(tmp_path: Path) -> None:
    refused(tmp_path / "none.mp4", "There is no file")
    refused(tmp_path, "is a folder")
    (tmp_path / "empty.mp4").touch()
    refused(tmp_path / "empty.mp4", "is empty")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tiff", ".avif"])
def test_still_pictures(tmp_path: Path, suffix: str) -> None:
    import cv2

    path = tmp_path / f"face{suffix}"
    assert cv2.imwrite(str(path), clips.textured(1)[0])
    refused(path, "is a still picture, not a clip", "nasalis simulate")
    refused(path.rename(tmp_path / "face.mp4"), "is a still picture")


def test_cut_short_without_index(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "cut.mp4", clips.even_times(60, 30))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(path, "is cut short (its index is missing)")


@pytest.mark.parametrize("name", ["voice.m4a", "voice.mp4", "voice.mov"])
def test_sound_only(tmp_path: Path, name: str) -> None:
    refused(clips.write_sound(tmp_path / name), "sound but no picture")


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("notes.mp4", b"These are my notes.\n" * 50, "is text"),
        ("paper.mp4", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(range(256)) * 20, "is a PDF"),
        ("song.mp4", b"ID3\x04\0\0\0\0\0\0" + bytes(2000), "sound but no picture"),
        ("zeros.mp4", bytes(10_000), "damaged or not a video"),
        ("one byte.mp4", b"\0", "damaged or not a video"),
        ("box.mp4", b"\0\0\0\x08ftyp", "index is missing"),
        ("huge box.mp4", b"\0\0\0\x18ftypisom\0\0\0\0isommp42\0\0\0\x01moov" + b"\xff" * 8, ""),
    ],
)
def test_other_files(tmp_path: Path, name: str, content: bytes, word: str) -> None:
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, word)


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".h264", ".mpg"])
def test_random_bytes(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"noise{suffix}").write_bytes(np.random.default_rng(0).bytes(50_000))
    refused(tmp_path / f"noise{suffix}")


def test_container_without_a_single_good_picture(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "bad.mp4", clips.even_times(20, 30), muxer_options={"movflags": "faststart"})
    clips.damage(path, path.read_bytes().index(b"mdat") / path.stat().st_size + 0.001, 1.0)
    refused(path, "No picture in", "can be decoded")


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clips.write_clip(tmp_path / "a.mp4", clips.even_times(3, 30))

    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)  # root may read anything, so the system would not refuse
    refused(path, "may not be read by you")
    with pytest.raises(SourceError, match="Permission denied"):
        sha256_of(path)
    assert recorded_at(path) == ""


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    refused(tmp_path / "pipe.mp4", "device or pipe")


def test_av1_without_pyav_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clips.write_clip(tmp_path / "a.mp4", clips.even_times(5, 30), codec="libsvtav1", options={"preset": "12"})
    monkeypatch.setitem(sys.modules, "av", None)
    refused(path, "AV1", "pip install av")


def test_nothing_is_printed_by_the_decoders(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "a.mp4", clips.even_times(90, 30), options={"g": "15"})
    clips.damage(path, 0.4, 0.6)
    (tmp_path / "b.mp4").write_bytes(bytes(5000))
    code = (
        "import sys\n"
        "from detector.errors import SourceError\n"
        "from detector.frames import ClipSource\n"
        "assert sum(1 for _ in ClipSource(sys.argv[1])) > 30\n"
        "try:\n    ClipSource(sys.argv[2])\nexcept SourceError:\n    pass\n"
        "else:\n    sys.exit('no error')\n"
    )
    root = Path(__file__).parents[1]
    arguments = [sys.executable, "-c", code, str(path), str(tmp_path / "b.mp4")]
    run = subprocess.run(arguments, cwd=root, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


# --- nothing but the one local file ---------------------------------------------------------------------------------


@pytest.fixture
def web_server():  # type: ignore[no-untyped-def]
    """Address of a local server, and the list of what was asked of it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


PLAYLISTS = {
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{url}/a.ts\n#EXT-X-ENDLIST\n",
    "list.ffconcat": "ffconcat version 1.0\nfile {url}/a.mp4\n",
    "local.ffconcat": "ffconcat version 1.0\nfile good.mp4\n",
    "local.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\ngood.ts\n#EXT-X-ENDLIST\n",
    "stream.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "list.mpd": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
    "<AdaptationSet><Representation><BaseURL>{url}/a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>",
}


@pytest.mark.parametrize("name", PLAYLISTS)
@pytest.mark.parametrize("disguise", ["", ".mp4"])
def test_playlists_open_nothing(tmp_path: Path, web_server, name: str, disguise: str) -> None:  # type: ignore
    url, asked = web_server
    for twin in ("good.mp4", "good.ts"):
        clips.write_clip(tmp_path / twin, clips.even_times(5, 30))
    path = tmp_path / (name + disguise)
    path.write_text(PLAYLISTS[name].format(url=url))
    refused(path, "text or a playlist")
    assert asked == []


def test_addresses_are_not_opened(web_server) -> None:  # type: ignore[no-untyped-def]
    url, asked = web_server
    for address in (f"{url}/clip.mp4", Path(f"{url}/clip.mp4"), "rtsp://127.0.0.1:1/x.mp4"):
        refused(address, "network address")
        with pytest.raises(SourceError, match="network address"):
            find_clips([str(address)])
    assert asked == []


@pytest.mark.parametrize("own", [None, "rtsp_transport;udp"])
def test_the_users_own_decoder_options_survive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str | None
) -> None:
    name = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
    monkeypatch.delenv(name, raising=False)
    if own is not None:
        monkeypatch.setenv(name, own)
    ClipSource(clips.write_clip(tmp_path / "a.mp4", clips.even_times(3, 30))).close()
    refused(tmp_path / "none.mp4")
    assert os.environ.get(name) == own


@pytest.mark.parametrize(
    "name",
    ["two words.mp4", "Übung 鼻 é.mp4", "-o.mp4", "img_%03d.mp4", "a:b.mp4", "file:x.mp4", "[1].mp4", 'it\'s "x".mp4'],
)
def test_strange_names_are_literal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    clips.write_clip(tmp_path / "plain.mp4", clips.even_times(3, 30)).rename(tmp_path / name)
    assert find_clips([name]) == [Path(name)]
    with ClipSource(name) as source:
        assert len(list(source)) == 3


def test_percent_pattern_is_not_a_picture_series(tmp_path: Path) -> None:
    import cv2

    for number in range(3):
        cv2.imwrite(str(tmp_path / f"img_{number:03d}.png"), clips.textured(1)[0])
    refused(tmp_path / "img_%03d.png", "There is no file")


def test_name_that_is_not_text(tmp_path: Path) -> None:
    good = clips.write_clip(tmp_path / "a.mp4", clips.even_times(3, 30))
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mp4"))
    good.rename(odd)
    with pytest.raises(SourceError, match="rename"):
        ClipSource(odd)


# --- finding clips, hash, recording time ----------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "my clips"
    (root / "deeper").mkdir(parents=True)
    for name in ("b.MP4", "a.mov", "c.webm", "notes.txt", "face.jpg", "._a.mov", "deeper/d.mkv"):
        (root / name).write_bytes(b"x")
    return root


def test_folder_gives_its_videos_sorted(folder: Path) -> None:
    assert find_clips([str(folder)]) == [folder / "a.mov", folder / "b.MP4", folder / "c.webm"]


def test_folder_with_clips_in_subfolders_only(folder: Path) -> None:
    assert find_clips([folder.parent]) == [
        folder / "a.mov",
        folder / "b.MP4",
        folder / "c.webm",
        folder / "deeper/d.mkv",
    ]


def test_patterns_order_and_doubles(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_clips([str(folder / "*")]) == [folder / "a.mov", folder / "b.MP4", folder / "c.webm"]
    assert find_clips([str(folder / "**" / "*.mkv")]) == [folder / "deeper/d.mkv"]
    monkeypatch.chdir(folder)
    found = find_clips(["c.webm", str(folder / "a.mov"), "./c.webm", "*.m*", "notes.txt"])
    assert found == [Path("c.webm"), folder / "a.mov", Path("notes.txt")]


def test_nothing_found_says_so(folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(SourceError, match="has no clip in it"):
        find_clips([str(folder / "empty")])
    with pytest.raises(SourceError, match="No clip matches"):
        find_clips([str(folder / "*.avi")])
    with pytest.raises(SourceError, match="There is no file"):
        find_clips([str(folder / "a.mov"), str(folder / "z.mov")])
    for nothing in ([], [""]):
        with pytest.raises(UsageError):
            find_clips(nothing)


def test_sha256(tmp_path: Path) -> None:
    data = np.random.default_rng(0).bytes(3_000_000)
    (tmp_path / "a.bin").write_bytes(data)
    assert sha256_of(tmp_path / "a.bin") == hashlib.sha256(data).hexdigest()
    with pytest.raises(SourceError, match="cannot be read"):
        sha256_of(tmp_path / "b.bin")


@pytest.mark.parametrize("name", ["a.mp4", "a.mov"])
def test_recording_time(tmp_path: Path, name: str) -> None:
    when = {"creation_time": "2024-05-01T12:34:56.000000Z"}
    path = clips.write_clip(tmp_path / name, clips.even_times(3, 30), metadata=when)
    assert recorded_at(path) == "2024-05-01T12:34:56Z"


@pytest.mark.parametrize("when", ["1970-01-01T00:00:00Z", "2035-01-01T00:00:00Z", ""])
def test_unset_or_absurd_recording_time_is_unknown(tmp_path: Path, when: str) -> None:
    metadata = {"creation_time": when} if when else {}
    assert recorded_at(clips.write_clip(tmp_path / "a.mp4", clips.even_times(3, 30), metadata=metadata)) == ""


def test_recording_time_of_other_files_is_unknown(tmp_path: Path) -> None:
    assert recorded_at(clips.write_clip(tmp_path / "a.mkv", clips.even_times(3, 30))) == ""
    assert recorded_at(tmp_path / "none.mp4") == ""
