"""`switchover run` with variables in its manifests."""

from pathlib import Path

from running import Manifests, Models, switchover

KEY = "n0t.To-Be.Shown"
"""It has no form of a key, so nothing masks it."""


def variables(folder: Path) -> Path:
    file = folder / "keys.env"
    file.write_text(f"export MODEL_KEY='{KEY}' # of a test\n")
    file.chmod(0o600)
    return file


async def test_a_key_of_a_variable_reaches_the_model_and_no_log_line(manifests: Manifests, tmp_path: Path) -> None:
    objects = manifests.guide("model")
    pool = objects[0]["spec"]["ai"]["multi"]["priorities"][0]["pool"]
    pool[0]["openai"]["authToken"] = {"inline": "${MODEL_KEY}"}
    manifests.write("guide", *objects)
    models = Models(statuses={"gpt-4o": 200})
    async with models.running():
        flags = ("--env-file", str(variables(tmp_path)))
        async with switchover(manifests.folder, manifests.port, models.port, *flags) as running:
            await running.says("ready: ")
            told = await running.says("variables of the environment")
            assert told["msg"] == "the files read these variables of the environment: MODEL_KEY"
            assert await running.ask("/model") == 200
            assert models.seen[0].authorization == f"Bearer {KEY}"

            pool[0]["openai"]["authToken"] = {"inline": "${NOBODY_SET_THIS}"}
            manifests.write("guide", *objects)
            line = await running.says("the variable NOBODY_SET_THIS is not set")
            assert "still served as last read: Upstream gloo-system/model" in line["msg"]
            assert await running.ask("/model") == 200
            assert models.seen[-1].authorization == f"Bearer {KEY}"
    assert KEY not in "".join(running.written)
