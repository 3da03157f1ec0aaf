"""What is built from is named by what it is: commits, digests and hashes, never a name that can be moved."""

import re

import yaml

from chart import ROOT

CONTAINERFILE = (ROOT / "Containerfile").read_text()


def test_every_action_is_named_by_its_commit_with_its_version_beside_it() -> None:
    lines = [
        line.strip()
        for file in (ROOT / ".github" / "workflows").glob("*.yml")
        for line in file.read_text().splitlines()
        if "uses:" in line
    ]

    assert lines
    assert [line for line in lines if not re.fullmatch(r"- uses: [\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", line)] == []


def test_a_checkout_leaves_no_credentials_behind() -> None:
    for file in (ROOT / ".github" / "workflows").glob("*.yml"):
        for job in yaml.safe_load(file.read_text())["jobs"].values():
            for step in job["steps"]:
                if "actions/checkout@" in step.get("uses", ""):
                    assert step["with"]["persist-credentials"] is False


def test_the_base_image_is_named_by_its_digest() -> None:
    [base] = re.findall(r"^ARG BASE=(\S+)$", CONTAINERFILE, re.MULTILINE)

    assert re.search(r"@sha256:[0-9a-f]{64}\Z", base)


def test_whatever_pip_installs_has_a_hash_or_comes_from_the_sources() -> None:
    commands = CONTAINERFILE.replace("\\\n", " ").splitlines()
    installs = [line for line in commands if "pip" in line and " install " in line]

    assert len(installs) == 4
    assert [line for line in installs if "--require-hashes" not in line and "--no-index" not in line] == []
    for lock in ("", "-build", "-compile", "-dev"):
        packages = re.findall(
            r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", (ROOT / f"requirements{lock}.lock").read_text(), re.MULTILINE | re.DOTALL
        )
        assert [each.split()[0] for each in packages if "--hash=sha256:" not in each] == []
