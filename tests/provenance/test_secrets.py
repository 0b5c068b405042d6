"""Secrets: what looks like one is masked, what does not is kept."""

import shlex

import pytest

from runlake.provenance import mask_command, mask_text
from runlake.provenance.secrets import MASK


@pytest.mark.parametrize(
    "arguments",
    [
        ["--token=s3cr3t"],
        ["--token", "s3cr3t"],
        ["--hf-token", "s3cr3t"],
        ["--hf_token=s3cr3t"],
        ["-password", "s3cr3t"],
        ["--wandb.api_key=s3cr3t"],
        ["api_key=s3cr3t"],
        ["+auth.password=s3cr3t"],
        ["db.credentials=s3cr3t"],
        ["--apiKey=s3cr3t"],
        ["--API-KEY", "s3cr3t"],
        ["AWS_SECRET_ACCESS_KEY=s3cr3t"],
        ["env", "OPENAI_API_KEY=s3cr3t", "python"],
        ["--secret", "s3cr3t"],
        ["--private-key", "s3cr3t"],
        ["--connection_string=s3cr3t"],
        ["-H", "Authorization: Bearer s3cr3t.s3cr3t"],
        ["-H", "X-Api-Key: s3cr3t"],
        ["-c", "import os; os.x['HF_TOKEN'] = 's3cr3t'; run(password=\"s3cr3t\")"],
        ["-c", '{"password": "s3cr3t", "lr": 1}'],
        ["https://user:s3cr3t@example.org/x"],
        ["postgresql://s3cr3t@example.org/x"],
        ["--url=https://example.org/?access_token=s3cr3t&x=1"],
        ["Bearer s3cr3ts3cr3t"],
    ],
    ids=" ".join,
)
def test_a_value_behind_a_secret_name_is_masked(arguments: list[str]) -> None:
    masked = mask_command(["python", "train.py", *arguments, "--lr", "0.1"])
    assert "s3cr3t" not in masked
    assert MASK in masked
    assert masked.startswith("python train.py ")
    assert masked.endswith(" --lr 0.1")


@pytest.mark.parametrize(
    "token",
    [
        "hf_" + "a" * 34,
        "ghp_" + "A1" * 18,
        "github_pat_" + "a1" * 20,
        "glpat-" + "a1" * 10,
        "sk-proj-" + "a1" * 20,
        "AKIA" + "A1" * 8,
        "xoxb-1234567890-abcdef",
        "AIza" + "a1" * 17,
        "eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSMeKKF",
        "dapi" + "0a" * 16,
    ],
)
def test_a_token_of_a_known_form_is_masked_anywhere(token: str) -> None:
    for text in (token, f"--x={token}", f"run({token!r})"):
        assert token not in mask_command(["python", text])
        assert token not in mask_text(text)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--max-tokens", "512"],
        ["--max_tokens=512"],
        ["--tokenizer=bert-base"],
        ["--tokenizer", "bert-base"],
        ["--authors", "joe"],
        ["--author=joe"],
        ["--key=3"],
        ["--keys", "a"],
        ["--monkey=3"],
        ["--secretary=x"],
        ["s3://bucket/key=5/x"],
        ["https://example.org/a@b"],
        ["me@example.org"],
        ["-m", "pkg.train"],
        ["model=sk-learn"],
        ["--lr", "-1e-3"],
        ["a b", "$HOME", "it's"],
    ],
    ids=" ".join,
)
def test_what_is_no_secret_is_kept_as_a_shell_would_take_it(arguments: list[str]) -> None:
    assert shlex.split(mask_command(["python", *arguments])) == ["python", *arguments]


def test_a_flag_for_a_secret_does_not_swallow_the_next_flag() -> None:
    assert mask_command(["x", "--use-token", "--lr", "0.1"]) == "x --use-token --lr 0.1"
