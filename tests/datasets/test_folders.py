import numpy as np
import PIL.Image
import pytest

from kzoo.datasets import DataError, image_files, load_dataset

rng = np.random.default_rng(0)


@pytest.fixture
def pets(tmp_path):
    def write(size=(6, 5), mode="RGB", count=8):
        for name in ("cat", "dog"):
            (tmp_path / "pets" / name).mkdir(parents=True, exist_ok=True)
            for index in range(count):
                shape = size if mode == "L" else (*size, len(mode))
                image = PIL.Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))
                image.save(tmp_path / "pets" / name / f"{index}.png")
        return tmp_path / "pets"

    return write


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("L", 1), ("RGBA", 3)])
def test_classes_are_the_folders(pets, mode, channels):
    data = load_dataset(pets(mode=mode))
    assert data.task.class_names == ("cat", "dog")
    assert data.task.input_shape == (6, 5, channels)
    assert data.x_train.dtype == np.uint8


class TestTrouble:
    def test_sizes_differ(self, pets):
        folder = pets()
        PIL.Image.new("RGB", (9, 9)).save(folder / "dog" / "big.png")
        with pytest.raises(DataError, match=r"big.png is 9x9.*6x5.*image_size=\(64, 64\)"):
            load_dataset(folder)
        assert load_dataset(folder, image_size=(4, 7)).task.input_shape == (4, 7, 3)

    def test_not_an_image(self, pets):
        folder = pets()
        (folder / "cat" / "broken.png").write_bytes(b"\x89PNG not really")
        with pytest.raises(DataError, match="broken.png: cannot be read"):
            load_dataset(folder)

    def test_a_truncated_image(self, pets):
        folder = pets(size=(60, 50))
        path = folder / "cat" / "0.png"
        path.write_bytes(path.read_bytes()[:400])
        with pytest.raises(DataError, match="0.png: cannot be read"):
            load_dataset(folder)

    def test_all_that_cannot_be_read_are_named(self, pets):
        folder = pets(size=(60, 50))
        for name in ("cat/0.png", "dog/7.png"):
            (folder / name).write_bytes((folder / name).read_bytes()[:400])
        with pytest.raises(DataError, match="2 images cannot be read: .*cat/0.png.*; .*dog/7.png.*; mend or delete"):
            load_dataset(folder)

    def test_more_than_memory_holds(self, tmp_path):
        images = image_files.ImageFiles([tmp_path / "0.png"], (10_000, 10_000), 3)
        with pytest.raises(DataError, match=r"0.png and 99999999 more images of 10000x10000 pixels take 3e\+07 GB"):
            images[np.broadcast_to(0, 10**8)]

    def test_one_class_or_none(self, pets, tmp_path):
        folder = pets()
        (folder / "empty").mkdir()
        with pytest.raises(DataError, match="empty: no images"):
            load_dataset(folder)
        with pytest.raises(DataError, match="two at least"):
            load_dataset(tmp_path)

    def test_links_out_of_the_folder_and_hidden_files_are_left_out(self, pets, tmp_path):
        folder = pets()
        PIL.Image.new("RGB", (9, 9)).save(tmp_path / "outside.png")
        (folder / "cat" / "link.png").symlink_to(tmp_path / "outside.png")
        (folder / "cat" / ".hidden.png").write_bytes(b"x")
        (folder / "cat" / "notes.txt").write_text("x")
        (folder / "cat" / ".thumbnails").mkdir()
        (folder / "cat" / ".thumbnails" / "0.png").write_bytes(b"x")
        (folder / ".git").mkdir()
        assert len(load_dataset(folder).x_train) == 16 - 2 * round(16 * 0.2)

    def test_a_class_that_is_a_link_out_of_the_folder(self, pets, tmp_path):
        folder = pets()
        (tmp_path / "elsewhere").mkdir()
        PIL.Image.new("RGB", (5, 6)).save(tmp_path / "elsewhere" / "0.png")
        (folder / "cow").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
        with pytest.raises(DataError, match="cow: no images.*links out of .* are not followed"):
            load_dataset(folder)

    def test_a_bomb(self, pets, monkeypatch):
        monkeypatch.setattr(image_files, "LARGEST", 20)
        with pytest.raises(DataError, match="pixels is more than 20"):
            load_dataset(pets())

    @pytest.mark.parametrize("side", [9500, 14000])
    def test_sizes_that_pillow_warns_of_and_refuses(self, pets, side):
        folder = pets()
        PIL.Image.new("1", (side, side)).save(folder / "cat" / "big.png")
        with pytest.raises(DataError, match="big.png: .*pixels"):
            load_dataset(folder)

    def test_a_format_that_runs_programs_is_not_opened(self, pets):
        folder = pets()
        PIL.Image.new("RGB", (5, 6)).save(folder / "cat" / "0.png", format="EPS")
        with pytest.raises(DataError, match="0.png: cannot be read as an image .PNG, JPEG"):
            load_dataset(folder)

    def test_floating_point_pixels(self, pets):
        folder = pets(mode="L")
        PIL.Image.fromarray(np.zeros((6, 5), np.float32)).save(folder / "cat" / "0.tif")
        with pytest.raises(DataError, match="0.tif: pixels are floating-point"):
            load_dataset(folder)

    @pytest.mark.parametrize("size", [(4, 4, 4), (0, 4), (4.5, 4), 4, (20_000, 4)])
    def test_image_size(self, pets, size):
        with pytest.raises(DataError, match="image_size is .*expected .height, width."):
            load_dataset(pets(), image_size=size)


@pytest.fixture
def one(tmp_path):
    def read(name, image, channels=1):
        image.save(tmp_path / name)
        return image_files.ImageFiles([tmp_path / name], (image.height, image.width), channels)[np.arange(1)][0]

    return read


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_sixteen_bits_keep_their_upper_eight(one, suffix):
    values = np.array([[0, 255, 256], [0x1234, 0x8000, 0xFFFF]], np.uint16)
    np.testing.assert_array_equal(one(f"x.{suffix}", PIL.Image.fromarray(values))[..., 0], values >> 8)


def test_twelve_of_sixteen_bits_are_told_apart(tmp_path):
    for name, level in (("dark", 900), ("light", 3000)):
        (tmp_path / name).mkdir()
        for index in range(4):
            values = np.full((3, 4), level + index, np.uint16)
            PIL.Image.fromarray(values).save(tmp_path / name / f"{index}.png")
    data = load_dataset(tmp_path)
    assert set(np.unique(data.x_train)) == {900 >> 4, 3000 >> 4}
    assert data.remarks == (
        "8 images of 16 bits, 12 of which are used: values are divided by 16, to be from 0 to 255; those to predict as "
        "well.",
    )


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_images_are_turned_as_they_are_seen(tmp_path, suffix):
    exif = PIL.Image.Exif()
    exif[image_files.ORIENTATION] = 6
    pixels = np.zeros((4, 7), np.uint8)
    pixels[:2] = 255  # The upper edge, which is the right one when it is seen.
    for name in "ab":
        (tmp_path / name).mkdir()
        for index in range(5):
            image = PIL.Image.fromarray(pixels).convert("RGBA" if suffix == "png" else "L")
            image.save(tmp_path / name / f"{index}.{suffix}", exif=exif, quality=100)
    data = load_dataset(tmp_path)
    assert data.task.input_shape[:2] == (7, 4)
    assert data.x_train[0, :, -1].min() > 200 > data.x_train[0, :, 0].max()
    assert data.remarks[0] == "10 images turned as the camera's tag says; turn those to predict as well."


def test_damaged_tags_of_a_camera_are_no_damage(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        for index in range(5):
            # A tag whose value would lie far behind the end of the file.
            exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\xff\xff\xff\x7f\xff\xff\xff\xff"
            PIL.Image.new("L", (4, 3)).save(tmp_path / name / f"{index}.jpg", exif=exif)
    assert load_dataset(tmp_path).task.input_shape == (3, 4, 1)


def test_transparency_is_told(pets):
    assert load_dataset(pets(mode="RGBA")).remarks == ("What is transparent shows white (16 images).",)


@pytest.mark.parametrize(("mode", "channels"), [("RGBA", 3), ("LA", 1), ("P", 3)])
def test_what_is_transparent_is_white(one, mode, channels):
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, :, 3] = 255
    image = PIL.Image.fromarray(pixels)
    image = image.quantize(4) if mode == "P" else image.convert(mode)
    found = one("x.png", image, channels)
    assert (found[0] == 0).all()
    assert (found[1] == 255).all()


def test_colours_and_size_are_kept(one):
    pixels = rng.integers(0, 256, (4, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(one("x.png", PIL.Image.fromarray(pixels), 3), pixels)


def test_pixels_go_with_their_labels(tmp_path):
    for index, name in enumerate(("ant", "bee", "cow")):
        (tmp_path / name / "nested").mkdir(parents=True)
        for shade in range(8):
            place = tmp_path / name / "nested" if shade % 2 else tmp_path / name
            PIL.Image.new("L", (3, 2), 10 * shade + index).save(place / f"{shade}.png")
    data = load_dataset(tmp_path)
    for x, y in ((data.x_train, data.y_train), (data.x_val, data.y_val), (data.x_test, data.y_test)):
        np.testing.assert_array_equal(x[:, 0, 0, 0] % 10, y)


class TestParts:
    def test_are_kept_apart(self, pets, tmp_path):
        (tmp_path / "data").mkdir()
        pets(count=10).rename(tmp_path / "data" / "train")
        pets(count=4).rename(tmp_path / "data" / "test")
        data = load_dataset(tmp_path / "data")
        assert data.task.class_names == ("cat", "dog")
        assert (len(data.x_train), len(data.x_val), len(data.x_test)) == (16, 4, 8)
        pets(count=3).rename(tmp_path / "data" / "Valid")
        data = load_dataset(tmp_path / "data")
        assert (len(data.x_train), len(data.x_val), len(data.x_test)) == (20, 6, 8)
        pets(count=3).rename(tmp_path / "data" / "validation")
        with pytest.raises(DataError, match="Valid and validation mean the same"):
            load_dataset(tmp_path / "data")

    def test_a_class_of_their_own(self, pets, tmp_path):
        (tmp_path / "data").mkdir()
        pets(count=10).rename(tmp_path / "data" / "train")
        (pets(count=4) / "cat").rename(tmp_path / "pets" / "cow")
        (tmp_path / "pets").rename(tmp_path / "data" / "test")
        with pytest.raises(DataError, match="'cow' is not one of the training classes"):
            load_dataset(tmp_path / "data")

    def test_train_may_be_a_class(self, pets):
        folder = pets()
        (folder / "cat").rename(folder / "train")
        assert load_dataset(folder).task.class_names == ("dog", "train")
        (folder / "dog").rename(folder / "test")
        with pytest.raises(DataError, match="train is a part of the data and holds no folder for each class"):
            load_dataset(folder)

    @pytest.mark.parametrize("names", [("training_set", "test_set"), ("Train", "TEST images"), ("seg_train", "dev")])
    def test_have_other_names_too(self, pets, tmp_path, names):
        (tmp_path / "data").mkdir()
        for name in names:
            pets().rename(tmp_path / "data" / name)
        (tmp_path / "data" / "seg_pred").mkdir()
        data = load_dataset(tmp_path / "data")
        assert data.task.class_names == ("cat", "dog")
        assert any(each.startswith(f"Parts: train in {names[0]}, ") for each in data.remarks)
        assert "Left out, since there is no folder of each class in it: seg_pred." in data.remarks
        (tmp_path / "data" / "seg_pred" / "cat").mkdir()
        with pytest.raises(DataError, match="seg_pred is no part of the data"):
            load_dataset(tmp_path / "data")

    def test_alone(self, pets, tmp_path):
        (tmp_path / "data").mkdir()
        pets().rename(tmp_path / "data" / "train")
        assert load_dataset(tmp_path / "data").task.class_names == ("cat", "dog")
