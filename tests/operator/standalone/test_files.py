"""Files and folders → the objects in them now, what is wrong with them, and when to look again."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchover_operator.identity import Identity
from switchover_operator.standalone.file_list import FileList
from switchover_operator.standalone.files import FileState, Manifests, View, advance, locate, merged, remerged

YAML = Path("a.yaml")


def named(name: str) -> Identity:
    return Identity("", "ConfigMap", "default", name)


def manifest(*names: str, value: str = "x") -> bytes:
    return "---\n".join(
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{value: '{value}'}}\n" for name in names
    ).encode()


def test_a_broken_document_keeps_the_object_that_was_there_and_lets_the_rest_change() -> None:
    good = advance(FileState(), YAML, manifest("a", "b", value="old"))
    broken = advance(good, YAML, manifest("a", value="new") + b"---\nkind: [\n")
    assert {identity.name: each.body["data"]["value"] for identity, each in broken.objects.items()} == {
        "a": "new",
        "b": "old",
    }
    [problem] = broken.problems
    assert str(problem).startswith("a.yaml:7:1: not YAML: ")
    assert str(problem).endswith("(still served as last read: ConfigMap default/b)")


def test_a_mended_file_says_nothing_more_and_drops_what_it_no_longer_holds() -> None:
    good = advance(FileState(), YAML, manifest("a", "b"))
    mended = advance(advance(good, YAML, b"kind: ["), YAML, manifest("a"))
    assert (set(mended.objects), mended.problems) == ({named("a")}, ())


def test_an_emptied_file_keeps_its_objects_until_it_is_deleted() -> None:
    emptied = advance(advance(FileState(), YAML, manifest("a")), YAML, b" \n")
    assert set(emptied.objects) == {named("a")}
    assert "delete the file" in emptied.problems[0].what
    assert advance(FileState(), YAML, b"") == FileState()


def test_an_object_in_two_files_counts_once_and_is_named() -> None:
    first = advance(FileState(), Path("a.yaml"), manifest("a", value="1"))
    second = advance(FileState(), Path("b.yaml"), manifest("b", "a", value="2"))
    view = merged({Path("a.yaml"): first, Path("b.yaml"): second})
    assert view.objects[named("a")]["data"]["value"] == "2"
    assert list(map(str, view.problems)) == [
        "a.yaml:1: ConfigMap default/a stands in b.yaml:6 too, and that one is used"
    ]


_TEXTS = st.one_of(
    st.none(),
    st.sampled_from([b"", b"kind: [", manifest("a") + b"---\nkind: ["]),
    st.lists(st.sampled_from("abcdef"), max_size=3, unique=True).map(lambda names: b"# \n" + manifest(*names)),
)


@given(st.lists(st.tuples(st.sampled_from(["a.yaml", "b.yaml", "c.yaml"]), _TEXTS), max_size=12))
def test_files_that_change_one_after_the_other_come_to_the_same_as_all_at_once(
    edits: list[tuple[str, bytes | None]],
) -> None:
    states: dict[Path, FileState] = {}
    view = View()
    for name, text in edits:
        before = states
        state = {} if text is None else {Path(name): advance(before.get(Path(name), FileState()), Path(name), text)}
        others = {file: each for file, each in before.items() if file != Path(name)}
        states = dict(sorted({**others, **state}.items()))
        view = remerged(view, states, before)
        assert view == merged(states)


def test_files_stand_in_the_order_of_their_folders(tmp_path: Path) -> None:
    names = ["a-b/x.yaml", "a/y.yaml", "a.yaml", "a/b/z.yaml"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    listed = FileList([tmp_path])
    assert list(listed.present()) == sorted(tmp_path / name for name in names)
    (tmp_path / "a.yaml").unlink()
    assert list(listed.present()) == sorted(tmp_path / name for name in names if name != "a.yaml")


@pytest.mark.parametrize("names", [("a.yaml", "b.yaml"), ("b.yaml", "a.yaml")])
def test_an_object_that_moved_out_of_a_broken_file_counts_where_it_can_be_read(names: tuple[str, str]) -> None:
    broken, readable = map(Path, names)
    kept = advance(advance(FileState(), broken, manifest("a", value="old")), broken, b"kind: [")
    moved = advance(FileState(), readable, manifest("a", value="new"))
    view = merged(dict(sorted({broken: kept, readable: moved}.items())))
    assert view.objects[named("a")]["data"]["value"] == "new"
    assert view.origins[named("a")].file == readable


def test_a_folder_is_read_with_its_subfolders_and_without_hidden_names(tmp_path: Path) -> None:
    for path in ("b.yml", "sub/a.yaml", ".git/c.yaml", ".d.yaml", "e.txt", "f.json"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(manifest(path[-5]) if not path.endswith("json") else b"{}")
    view = Manifests([tmp_path]).read()
    assert [str(origin.file.relative_to(tmp_path)) for origin in view.origins.values()] == ["b.yml", "sub/a.yaml"]
    assert [problem.file.name for problem in view.problems] == ["f.json"]


def test_a_mounted_config_map_is_read_once_and_follows_its_swap(tmp_path: Path) -> None:
    for version in ("1", "2"):
        (tmp_path / f"..{version}").mkdir()
        (tmp_path / f"..{version}" / "a.yaml").write_bytes(manifest("a", value=version))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    manifests = Manifests([tmp_path])
    before = manifests.read()
    (tmp_path / "..new").symlink_to("..2")
    (tmp_path / "..new").rename(tmp_path / "..data")
    after = manifests.read()
    assert [view.objects[named("a")]["data"]["value"] for view in (before, after)] == ["1", "2"]
    assert (before.problems, after.problems) == ((), ())


def test_a_path_that_vanishes_keeps_its_objects_and_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "a.yaml").write_bytes(manifest("a"))
    manifests = Manifests([folder])
    manifests.read()
    folder.rename(tmp_path / "elsewhere")
    view = manifests.read()
    assert set(view.objects) == {named("a")}
    assert [str(problem) for problem in view.problems] == [
        f"{folder}: does not exist; it is read as soon as it does (still served as last read: ConfigMap default/a)"
    ]


def test_a_kustomization_beside_manifests_is_none_of_them(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(manifest("a"))
    (tmp_path / "kustomization.yaml").write_text("kind: Kustomization\nresources: [a.yaml]\n")
    view = Manifests([tmp_path]).read()
    assert (set(view.objects), view.problems) == ({named("a")}, ())


def test_a_file_deleted_from_a_folder_deletes_its_objects(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_bytes(manifest(name))
    manifests = Manifests([tmp_path])
    manifests.read()
    (tmp_path / "a.yaml").unlink()
    assert set(manifests.read().objects) == {named("b")}


def test_a_file_that_cannot_be_read_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").mkdir()
    (tmp_path / "c.yaml").write_bytes(b"a: b\n\xfa")
    view = Manifests([tmp_path]).read()
    [problem] = map(str, view.problems)
    assert problem.startswith(f"{tmp_path}/c.yaml:2: not UTF-8 text; save it as UTF-8")


def test_a_pipe_is_read_once_and_stays() -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, manifest("a"))
    os.close(write_end)
    manifests = Manifests([Path(f"/dev/fd/{read_end}")])
    assert set(manifests.read().objects) == set(manifests.read().objects) == {named("a")}
    os.close(read_end)


def test_a_field_is_located_in_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(manifest("z", "a"))
    view = Manifests([tmp_path]).read()
    assert str(locate(view, named("a"), "data.value")) == f"{tmp_path}/a.yaml:9"
    assert locate(view, named("nobody"), "data") is None


def test_the_places_of_all_fields_need_no_second_reading_of_their_file(tmp_path: Path) -> None:
    file = tmp_path / "many.yaml"
    file.write_bytes(manifest("a", "b", "c"))
    view = Manifests([tmp_path]).read()
    file.unlink()
    places = [str(locate(view, named(name), "data.value")) for name in ("a", "b", "c")]
    assert places == [f"{file}:{line}" for line in (4, 9, 14)]


async def changed(changes: AsyncIterator[None]) -> bool:
    await anext(changes)
    return True


async def test_edits_replacements_and_deletions_are_noticed(tmp_path: Path) -> None:
    file, new = tmp_path / "a.yaml", tmp_path / "a.yaml.new"
    file.write_bytes(manifest("a"))
    manifests = Manifests([file])
    manifests.read()
    changes = manifests.changes()
    file.write_bytes(manifest("b"))
    assert await changed(changes)
    assert set(manifests.read().objects) == {named("b")}
    new.write_bytes(manifest("c"))
    new.replace(file)
    assert await changed(changes)
    assert set(manifests.read().objects) == {named("c")}
    file.unlink()
    assert await changed(changes)
    assert "does not exist" in manifests.read().problems[0].what
    await changes.aclose()


async def test_a_folder_that_appears_later_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "manifests"
    manifests = Manifests([folder])
    assert manifests.read().objects == {}
    changes = manifests.changes()
    folder.mkdir(parents=True)
    (folder / "a.yaml").write_bytes(manifest("a"))
    assert await changed(changes)
    assert set(manifests.read().objects) == {named("a")}
    await changes.aclose()
