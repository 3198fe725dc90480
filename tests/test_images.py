"""Decoding as a stream: order, threads, memory, damage; and near-duplicates among real photographs."""

import io
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rankpipe.data.near import EDGE, Links, image_signature, near_images, near_texts, normalised, text_signature
from rankpipe.errors import InputError
from rankpipe.io import images
from rankpipe.io.images import AHEAD, decoded, read_image


def saved(path: Path, pixels: np.ndarray, **options: object) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def test_transparent_on_white_grey_and_turned_as_the_camera_says(tmp_path: Path) -> None:
    clear = np.zeros((4, 4, 4), np.uint8)
    clear[:2, :, 3] = 255
    found = read_image(saved(tmp_path / "clear.png", clear))
    assert found[0, 0].tolist() == [0, 0, 0] and found[3, 3].tolist() == [255, 255, 255]
    assert read_image(saved(tmp_path / "grey.png", np.full((2, 3), 7, np.uint8))).tolist() == [[[7] * 3] * 3] * 2
    turned = Image.fromarray(np.zeros((2, 6, 3), np.uint8))
    exif = turned.getexif()
    exif[274] = 6
    turned.save(tmp_path / "turned.jpg", exif=exif)
    assert read_image(tmp_path / "turned.jpg").shape == (6, 2, 3)
    half = np.array([[[0] * 3, [100] * 3], [[50] * 3, [250] * 3]], np.uint8)
    assert read_image(saved(tmp_path / "half.png", half), 1).tolist() == [[[100] * 3]]


@pytest.mark.parametrize("threads", [1, 3])
def test_in_order_with_gaps_whatever_the_threads(tmp_path: Path, threads: int) -> None:
    paths: list[Path | None] = [saved(tmp_path / f"{i}.png", np.full((8, 8, 3), i, np.uint8)) for i in range(40)]
    paths[5] = paths[39] = None
    found = list(decoded(paths, 4, threads))
    shown = [None if pixels is None else int(pixels[0, 0, 0]) for pixels in found]
    assert shown == [None if path is None else int(path.stem) for path in paths]


def test_decodes_no_more_than_a_few_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))
    begun, lock = 0, threading.Lock()

    def counted(path: Path, edge: int) -> np.ndarray:
        nonlocal begun
        with lock:
            begun += 1
        return read_image(path, edge)

    monkeypatch.setattr(images, "read_image", counted)
    stream = decoded([path] * 500, 4, 2)
    for taken in range(1, 6):
        next(stream)
        assert begun <= taken + 2 * AHEAD
    stream.close()
    assert begun <= 5 + 2 * AHEAD


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", ["truncated", "noise", "empty", "missing", "folder"])
def test_a_damaged_image_is_one_line_with_its_path(tmp_path: Path, kind: str, threads: int) -> None:
    good = saved(tmp_path / "good.jpg", np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8))
    bad, whole = tmp_path / "bad.jpg", good.read_bytes()
    if kind == "folder":
        bad.mkdir()
    elif kind != "missing":
        bad.write_bytes({"truncated": whole[:len(whole) // 2], "noise": b"\x00\xff" * 99, "empty": b""}[kind])
    with pytest.raises(InputError, match=r"bad\.jpg: not") as caught:
        list(decoded([good, bad, good], 8, threads))
    assert "\n" not in str(caught.value)


def groups(signatures: list[np.ndarray], bits: int = 8, colour: float = 12.0) -> np.ndarray:
    links = Links(len(signatures))
    for one, other in near_images(np.array(signatures), bits, colour):
        links.add(one, other)
    return links.groups()


def test_copies_of_real_photographs_are_found_and_nothing_else(real_data: Path) -> None:
    """Each of 120 photographs as it is, at half its size, small and in coarse JPEG, and brighter."""
    found = []
    for path in sorted((real_data / "photos").glob("*.jpg"))[:60]:
        photo = Image.open(path).convert("RGB")
        coarse = io.BytesIO()
        photo.resize((200, 200 * photo.height // photo.width)).save(coarse, "JPEG", quality=40)
        for view in (photo, photo.reduce(2), Image.open(coarse), Image.eval(photo, lambda x: min(255, x + 8))):
            found.append(image_signature(np.asarray(view.convert("RGB").resize((EDGE, EDGE), Image.Resampling.BOX))))
    assert groups(found).tolist() == [4 * (i // 4) for i in range(len(found))]


def test_colour_tells_what_light_does_not() -> None:
    square = np.full((EDGE, EDGE, 3), 250, np.uint8)
    square[4:20, 6:22] = (200, 0, 0)
    blue = square.copy()
    blue[4:20, 6:22] = (0, 60, 213)
    assert groups([image_signature(x) for x in (square, blue, square)]).tolist() == [0, 1, 0]
    assert groups([image_signature(x) for x in (square, blue, square)], colour=255).tolist() == [0, 0, 0]


def test_no_pair_within_the_distance_is_missed() -> None:
    """Against every pair compared; hashes a few bits off each other."""
    rng = np.random.default_rng(0)
    signatures = np.zeros((300, 200), np.uint8)
    signatures[:, :8] = rng.integers(0, 256, (20, 8))[rng.integers(0, 20, 300)]
    for row in signatures:
        for bit in rng.choice(64, rng.integers(0, 9), replace=False):
            row[bit // 8] ^= 1 << (bit % 8)
    found = np.eye(300, dtype=bool)
    for one, other in near_images(signatures, 5, 12.0):
        found[one, other] = found[other, one] = True
    bits = np.unpackbits(signatures[:, :8], axis=1).astype(int)
    wanted = (bits[:, None] != bits[None]).sum(2) <= 5
    # Equal rows go by the first of them.
    first = [int(np.flatnonzero((signatures == row).all(1))[0]) for row in signatures]
    assert (found[np.ix_(first, first)] == wanted).all()


def test_texts_by_hand() -> None:
    base = "the quick brown fox jumps over the lazy dog and runs far away into the deep dark forest to sleep at night"
    texts = [base, base.upper().replace(" ", ",  ") + "!", base.replace("sleep", "rest"), "quite another text " * 3,
             "red mug", "Red  mug.", "blue mug"]
    links = Links(len(texts))
    for one, other in near_texts(np.array([text_signature(t) for t in texts]), 0.8):
        links.add(one, other)
    assert links.groups().tolist() == [0, 0, 0, 3, 4, 4, 6]
    assert normalised("Ａ-B  c’d\n") == "a b c d"


def test_links_join_through_others_in_any_order() -> None:
    links = Links(6)
    for one, other in ((4, 2), (5, 4), (1, 0), (2, 2)):
        links.add(np.array([one]), np.array([other]))
    assert links.groups().tolist() == [0, 0, 2, 3, 2, 2]
    links.add(np.array([0]), np.array([5]))
    assert links.groups().tolist() == [0, 0, 0, 3, 0, 0]
