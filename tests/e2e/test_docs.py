"""The documents against the binary and the tree: every setting is told, with its default; links lead somewhere."""

import re
import tomllib
from pathlib import Path

import server

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def rows():
    """Key → flag, variable and default of the tables in docs/configuration.md."""
    pattern = r"^\| `(\w+)` \| `(--[\w-]+)` \| `(IAMD_\w+)` \| ([^|]*?) \| [^|]+ \|$"
    text = (DOCS / "configuration.md").read_text()
    return {key: (flag, variable, default) for key, flag, variable, default in re.findall(pattern, text, re.MULTILINE)}


def written(value):
    """A default as the tables have it."""
    if value == []:
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


# Lists whose being empty, as they are by default, means more than "none".
EMPTY_MEANS = {
    "regions": "any",
    "oidc_hosts": "any, on port 443",
    "s3_domains": "the names of `listen` and `public_url`",
}


def test_every_setting_is_documented(tmp_path):
    documented = rows()
    shown = server.iamd("config", "show", cwd=tmp_path).stdout
    settings = tomllib.loads(shown)
    unset = re.findall(r"^# (\w+) is not set$", shown, re.MULTILINE)
    assert list(documented) == re.findall(r"^(?:# )?(\w+) (?:=|is not set)", shown, re.MULTILINE)
    help_text = " ".join(server.iamd("serve", "--help", cwd=tmp_path).stdout.split())
    for key, (flag, variable, default) in documented.items():
        assert flag == "--" + key.replace("_", "-") and variable == "IAMD_" + key.upper()
        assert re.search(rf"{flag}\b", help_text) and f"[env: {variable}]" in help_text
        if key in settings:
            assert default == EMPTY_MEANS.get(key, written(settings[key])), key
        else:
            # Told in words, since there is no fixed one.
            assert key in unset and default, key
    # And the two that are no keys of the file.
    assert set(re.findall(r"\bIAMD_[A-Z0-9_]+\b", help_text)) == {row[1] for row in documented.values()} | {
        "IAMD_CONFIG",
        "IAMD_MASTER_KEY",
    }
    text = (DOCS / "configuration.md").read_text()
    assert "`IAMD_CONFIG`" in text and "`IAMD_MASTER_KEY`" in text


def test_the_example_files_are_accepted(tmp_path):
    text = (DOCS / "configuration.md").read_text()
    examples = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert examples
    for example in examples:
        (tmp_path / "iamd.toml").write_text(example)
        done = server.iamd("config", "show", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        shown = tomllib.loads(done.stdout)
        assert tomllib.loads(example).items() <= shown.items()


def test_links_lead_somewhere():
    for page in [ROOT / "README.md", *DOCS.glob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"
        for anchor in re.findall(r"\]\(#([^)]+)\)", page.read_text()):
            headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
            assert anchor in {heading.lower().replace(" ", "-") for heading in headings}, f"{page.name}: #{anchor}"
