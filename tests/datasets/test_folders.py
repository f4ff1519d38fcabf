import numpy as np
import PIL.Image
import pytest

from kzoo.datasets import DataError, folders, load_dataset

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
        assert len(load_dataset(folder).x_train) == 16 - 2 * round(16 * 0.2)

    def test_a_bomb(self, pets, monkeypatch):
        monkeypatch.setattr(folders, "LARGEST", 20)
        with pytest.raises(DataError, match="pixels is more than 20"):
            load_dataset(pets())
