"""What speed is held against: decoding alone, and the face mesh on every frame. Light to import: memory is measured."""

from __future__ import annotations

from pathlib import Path


def decode(clip: Path) -> int:
    """Every picture of the clip, and nothing done with it."""
    import cv2

    capture = cv2.VideoCapture(str(clip))
    count = 0
    while capture.read()[0]:
        count += 1
    capture.release()
    return count


def mesh(clip: Path, faces: int) -> None:
    """The loop of mediapipe's own example: FaceLandmarker in VIDEO mode on every frame."""
    import cv2
    import mediapipe as mp
    from mediapipe.tasks import python as tasks
    from mediapipe.tasks.python import vision

    from models import resolve

    options = vision.FaceLandmarkerOptions(
        base_options=tasks.BaseOptions(model_asset_path=str(resolve())),
        running_mode=vision.RunningMode.VIDEO,
        num_faces=faces,
    )
    capture = cv2.VideoCapture(str(clip))
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        while True:
            good, picture = capture.read()
            if not good:
                break
            stamp = int(capture.get(cv2.CAP_PROP_POS_MSEC))
            image = mp.Image(image_format=mp.ImageFormat.SRGB, data=cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
            landmarker.detect_for_video(image, stamp)
    capture.release()
