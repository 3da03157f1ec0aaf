"""Folders of kustomizations are rendered or refused by name, and never read as plain manifests."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from switchover_operator.standalone import kustomizations
from switchover_operator.standalone.files import Manifests, View, locate

needs_kubectl = pytest.mark.skipif(
    not (shutil.which("kubectl") or shutil.which("kustomize")), reason="needs kubectl or kustomize"
)


def manifest(name: str, value: str = "x") -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{value: {value}}}\n"


def write(folder: Path, **files: str) -> Path:
    """Write files by their names, with `__` for a slash; a name without a suffix is YAML."""
    for name, text in files.items():
        path = name.replace("__", "/")
        file = folder / (path if "." in path or path.endswith("Kustomization") else f"{path}.yaml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def tree(folder: Path) -> Path:
    """A base with an overlay that patches it, a patch that looks like an object, and a plain file beside them."""
    return write(
        folder,
        plain=manifest("plain"),
        base__all=manifest("a", "base"),
        base__unused=manifest("unused"),
        base__kustomization="resources: [all.yaml]\n",
        prod__value=manifest("a", "prod"),
        prod__deeper__more=manifest("deeper"),
        prod__kustomization="resources: [../base]\npatches: [{path: value.yaml}]\n",
    )


def values(view: View) -> dict[str, str]:
    return {identity.name: body["data"]["value"] for identity, body in view.objects.items()}


@pytest.fixture
def renderer(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put a program called kubectl, of a shell script, alone on the PATH; the folder where it may leave things."""
    folder = tmp_path_factory.mktemp("bin")

    def install(script: str) -> Path:
        program = folder / "kubectl"
        program.write_text(f"#!/bin/sh\nhere={folder}\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        return folder

    return install


COUNTING = 'echo "$*" >>$here/calls\nexec /bin/cat "$2"/*.yaml.made'


def calls(folder: Path) -> list[str]:
    file = folder / "calls"
    return file.read_text().splitlines() if file.exists() else []


@needs_kubectl
def test_an_overlay_is_rendered_and_its_base_and_patches_are_not_read_by_themselves(tmp_path: Path) -> None:
    view = Manifests([tree(tmp_path)]).read()
    assert view.problems == ()
    assert values(view) == {"plain": "x", "a": "prod"}
    [a] = [identity for identity in view.objects if identity.name == "a"]
    assert str(locate(view, a, "data.value")) == view.sources[a] == f"{tmp_path}/prod/kustomization.yaml"


@needs_kubectl
def test_a_base_that_is_named_alone_is_rendered_as_it_is(tmp_path: Path) -> None:
    assert values(Manifests([tree(tmp_path) / "base"]).read()) == {"a": "base"}
    assert values(Manifests([tmp_path / "prod"]).read()) == {"a": "prod"}


@needs_kubectl
@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
def test_every_name_of_a_kustomization_counts(tmp_path: Path, name: str) -> None:
    write(tmp_path, a=manifest("a"), b=manifest("b"))
    (tmp_path / name).write_text("resources: [a.yaml]\nnamePrefix: p-\n")
    assert values(Manifests([tmp_path]).read()) == {"p-a": "x"}


@needs_kubectl
def test_two_overlays_that_make_the_same_objects_are_named_with_what_to_do(tmp_path: Path) -> None:
    tree(tmp_path)
    write(tmp_path / "dev", kustomization="resources: [../base]\n")
    [problem] = Manifests([tmp_path]).read().problems
    assert str(problem) == (
        f"{tmp_path}/dev/kustomization.yaml: ConfigMap default/a: {tmp_path}/prod/kustomization.yaml makes it, too, "
        f"and what it makes is used; name the one folder that is meant, -f {tmp_path}/dev or -f {tmp_path}/prod"
    )


@needs_kubectl
def test_kustomizations_that_take_each_other_are_refused(tmp_path: Path) -> None:
    write(tmp_path, a__kustomization="resources: [../b]\n", b__kustomization="resources: [../a]\n")
    [problem] = Manifests([tmp_path]).read().problems
    assert "cannot be rendered: " in problem.what
    assert "cycle" in problem.what


@needs_kubectl
def test_components_are_parts_of_what_takes_them(tmp_path: Path) -> None:
    component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -c\n"
    write(tmp_path, all=manifest("a"), kustomization="resources: [all.yaml]\ncomponents: [used]\n")
    write(tmp_path, used__kustomization=component, unused__kustomization=component)
    assert values(Manifests([tmp_path]).read()) == {"a-c": "x"}


@needs_kubectl
def test_what_cannot_be_rendered_says_why_and_keeps_what_was_there(tmp_path: Path) -> None:
    manifests = Manifests([tree(tmp_path)])
    manifests.read()
    (tmp_path / "base" / "all.yaml").unlink()
    view = manifests.read()
    [problem] = map(str, view.problems)
    assert problem.startswith(
        f"{tmp_path}/prod/kustomization.yaml: a kustomization that cannot be rendered: accumulating"
    )
    assert problem.endswith("(still served as last read: ConfigMap default/a)")
    assert values(view)["a"] == "prod"


@needs_kubectl
def test_a_base_that_gets_its_kustomization_later_is_rendered_then(tmp_path: Path) -> None:
    tree(tmp_path)
    (tmp_path / "base" / "kustomization.yaml").rename(tmp_path / "kept")
    manifests = Manifests([tmp_path / "prod"])
    assert "cannot be rendered" in manifests.read().problems[0].what
    (tmp_path / "kept").rename(tmp_path / "base" / "kustomization.yaml")
    assert values(manifests.read()) == {"a": "prod"}


@needs_kubectl
def test_a_file_of_a_base_outside_the_path_counts_when_it_changes(tmp_path: Path) -> None:
    manifests = Manifests([tree(tmp_path) / "prod"])
    manifests.read()
    write(tmp_path, prod__value=manifest("a", "other"))
    assert values(manifests.read()) == {"a": "other"}
    write(tmp_path, base__all=manifest("a") + "---\n" + manifest("new"))
    assert values(manifests.read()) == {"a": "other", "new": "x"}


def test_nothing_is_rendered_again_while_nothing_changed(tmp_path: Path, renderer: Callable[[str], Path]) -> None:
    folder = renderer(COUNTING)
    write(tmp_path, kustomization="resources: [all.yaml]\n", sub__notes="a: b\n")
    (tmp_path / "all.yaml.made").write_text(manifest("a"))
    manifests = Manifests([tmp_path])
    first = manifests.read()
    assert manifests.read().objects == first.objects
    assert calls(folder) == [f"kustomize {tmp_path}"]
    write(tmp_path, sub__notes="a: c\n")
    manifests.read()
    assert len(calls(folder)) == 2


@pytest.mark.parametrize(
    "kustomization",
    [
        "resources: ['https://example.com/a.yaml']",
        "resources: ['github.com/owner/repository//deploy?ref=v1']",
        "resources: ['git@github.com:owner/repository.git']",
        "resources: ['ssh://git@example.com/a']",
        "components: ['git::https://example.com/a']",
        "resources: ['host.example.com/owner/repository?ref=v1']",
        "bases: ['https://example.com/a']",
        "patches: [{path: 'https://example.com/a.yaml'}]",
        "configMapGenerator: [{name: a, files: ['key=https://example.com/a']}]",
        "secretGenerator: [{name: a, envs: ['http://localhost/a']}]",
        "openapi: {path: 'http://localhost/a'}",
        "resources: [below]",
    ],
)
def test_nothing_is_fetched(tmp_path: Path, renderer: Callable[[str], Path], kustomization: str) -> None:
    folder = renderer(COUNTING)
    write(tmp_path, kustomization=kustomization, below__kustomization="resources: ['https://example.com/a.yaml']")
    if "below" not in kustomization:
        shutil.rmtree(tmp_path / "below")
    [problem] = Manifests([tmp_path]).read().problems
    assert "nothing is fetched here; render it by hand: kubectl kustomize " in problem.what
    assert calls(folder) == []


def test_what_only_looks_like_an_address_is_rendered(tmp_path: Path, renderer: Callable[[str], Path]) -> None:
    renderer(COUNTING)
    write(
        tmp_path,
        kustomization="resources: [all.yaml]\ncommonAnnotations: {a: 'https://example.com'}\n"
        "configMapGenerator: [{name: b, literals: ['URL=https://example.com'], files: [a=b.txt]}]\n",
    )
    (tmp_path / "all.yaml.made").write_text(manifest("a"))
    assert Manifests([tmp_path]).read().problems == ()


def test_what_renders_gets_no_path_and_no_credentials(
    tmp_path: Path, renderer: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    folder = renderer('/usr/bin/env >$here/environment; echo "$*" >>$here/calls')
    write(tmp_path, kustomization="{}")
    Manifests([tmp_path]).read()
    environment = (folder / "environment").read_text().splitlines()
    assert "PATH=" in environment
    assert not [line for line in environment if "sk-secret" in line]


def test_without_a_program_the_folder_is_refused_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    view = Manifests([tree(tmp_path)]).read()
    assert [str(problem) for problem in view.problems] == [
        f"{tmp_path}/prod/kustomization.yaml: a kustomization, and neither kubectl nor kustomize is on the PATH to "
        f"render it; render it by hand: kubectl kustomize {tmp_path}/prod | switchover check -f -"
    ]
    assert values(view) == {"plain": "x"}


def test_a_program_that_does_not_end_is_ended(
    tmp_path: Path, renderer: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kustomizations, "PATIENCE", 0.2)
    renderer("/bin/sleep 100; echo")
    write(tmp_path, kustomization="{}")
    [problem] = Manifests([tmp_path]).read().problems
    assert "took more than 0.2 s to render" in problem.what


def test_what_the_program_says_is_one_line_without_keys(tmp_path: Path, renderer: Callable[[str], Path]) -> None:
    renderer("echo 'Error: bad' >&2; echo 'in sk-proj-abcdefgh12345678' >&2; exit 3")
    write(tmp_path, kustomization="{}")
    [problem] = Manifests([tmp_path]).read().problems
    assert problem.what == "a kustomization that cannot be rendered: Error: bad in sk-***"


def test_an_unreadable_object_of_what_it_makes_leaves_the_others(
    tmp_path: Path, renderer: Callable[[str], Path]
) -> None:
    renderer(COUNTING)
    write(tmp_path, kustomization="{}")
    (tmp_path / "all.yaml.made").write_text(f"kind: Secret\n---\n{manifest('a')}")
    view = Manifests([tmp_path]).read()
    [problem] = map(str, view.problems)
    assert problem.startswith(f"{tmp_path}/kustomization.yaml: in line 1 of what it makes: not a Kubernetes object: ")
    assert values(view) == {"a": "x"}


def test_a_kustomization_that_is_named_itself_says_to_name_its_folder(tmp_path: Path) -> None:
    write(tmp_path, kustomization="resources: []")
    [problem] = Manifests([tmp_path / "kustomization.yaml"]).read().problems
    assert problem.what == f"a kustomization, which is rendered with its folder: name that, -f {tmp_path}"


CHART = {"Chart.yaml": "apiVersion: v2\nname: c\n", "values.yaml": "a: b\n", "templates__a": "{{- if .Values.a }}\n"}


@pytest.mark.parametrize("named", ["", "c", "c/Chart.yaml"])
def test_a_chart_is_refused_by_name_and_its_neighbours_are_read(tmp_path: Path, named: str) -> None:
    write(tmp_path / "c", **CHART)
    write(tmp_path, beside__a=manifest("a"))
    view = Manifests([tmp_path / named]).read()
    [problem] = map(str, view.problems)
    assert problem == (
        f"{tmp_path}/c/Chart.yaml: a Helm chart, whose templates are no manifests yet: render it first, "
        f"helm template NAME {tmp_path}/c | switchover check -f -"
    )
    assert values(view) == ({} if named else {"a": "x"})


def test_a_template_that_is_named_itself_says_what_it_looks_like(tmp_path: Path) -> None:
    write(tmp_path / "c", **CHART)
    [problem] = Manifests([tmp_path / "c" / "templates" / "a.yaml"]).read().problems
    assert problem.what.startswith("it looks like a Helm template: render it first")


def test_a_file_called_chart_without_templates_is_a_file_like_any_other(tmp_path: Path) -> None:
    write(tmp_path, **{"Chart.yaml": manifest("a")})
    assert values(Manifests([tmp_path]).read()) == {"a": "x"}


async def test_a_change_of_any_file_that_is_rendered_is_noticed(
    tmp_path: Path, renderer: Callable[[str], Path]
) -> None:
    renderer('exec /bin/cat "$2"/../base/a.txt')
    write(tmp_path, **{"base/a.txt": manifest("a", "one"), "base/kustomization.yaml": "{}"})
    write(tmp_path, prod__kustomization="resources: [../base]\n")
    manifests = Manifests([tmp_path / "prod"])
    manifests.read()
    changes = manifests.changes()
    write(tmp_path, **{"base/a.txt": manifest("a", "two")})
    await anext(changes)
    assert values(manifests.read()) == {"a": "two"}
    await changes.aclose()
